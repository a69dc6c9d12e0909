"""
What may be heard of a referral after what.
"""

from collections.abc import Mapping

from followups.models import CareReferralState as State

# Services answer late, and not always in order: who was never said to be accepted may have gone, and who did not go is asked
# for again. That somebody went is the end of it.
AFTER: Mapping[State, frozenset[State]] = {
    State.MADE: frozenset({State.ACCEPTED, State.DECLINED, State.WAITLISTED, State.ATTENDED, State.NOT_ATTENDED}),
    State.WAITLISTED: frozenset({State.ACCEPTED, State.DECLINED, State.ATTENDED, State.NOT_ATTENDED}),
    State.ACCEPTED: frozenset({State.DECLINED, State.WAITLISTED, State.ATTENDED, State.NOT_ATTENDED}),
    State.NOT_ATTENDED: frozenset({State.ACCEPTED, State.DECLINED, State.WAITLISTED, State.ATTENDED}),
    State.DECLINED: frozenset({State.ACCEPTED, State.WAITLISTED, State.ATTENDED}),
    State.ATTENDED: frozenset(),
}


def may_follow(known: str, said: str) -> bool:
    """
    Tell whether ``said`` may be heard of a referral of which ``known`` is known.
    """
    return State(said) in AFTER[State(known)]
