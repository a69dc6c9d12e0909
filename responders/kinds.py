"""
The kinds of action this app declares.
"""

from journal.kinds import Kind, Nature
from responders.actions import access, duty
from responders.serializers import DutyArgs, PersonArgs, RolesArgs

KINDS: list[Kind] = [
    Kind(name="unit.duty", nature=Nature.FACT, serializer=DutyArgs, act=duty.set_duty, answer=duty.DutySet.as_dict),
    Kind(name="person.disable", nature=Nature.DESK, serializer=PersonArgs, act=access.disable, answer=access.answer),
    Kind(name="person.enable", nature=Nature.DESK, serializer=PersonArgs, act=access.enable, answer=access.answer),
    Kind(name="person.release", nature=Nature.DESK, serializer=PersonArgs, act=access.release, answer=access.answer),
    Kind(
        name="person.reset_factors",
        nature=Nature.DESK,
        serializer=PersonArgs,
        act=access.reset_factors,
        answer=access.answer,
    ),
    Kind(
        name="person.set_roles", nature=Nature.DESK, serializer=RolesArgs, act=access.set_roles, answer=access.answer
    ),
]
