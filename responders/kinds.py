"""
The kinds of action this app declares.
"""

from journal.kinds import Kind, Nature
from responders.actions import duty
from responders.serializers import DutyArgs

KINDS: list[Kind] = [
    Kind(name="unit.duty", nature=Nature.FACT, serializer=DutyArgs, act=duty.set_duty, answer=duty.DutySet.as_dict),
]
