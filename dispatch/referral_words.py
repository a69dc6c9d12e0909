"""
What whoever refers is told: why CARE does not take it, and what other ways there are.

A reason of the policy is told only where it is about what they said themselves, about the type of call, or about CARE's reach.
Anything else (a caution, a medical answer, what another caller said) is CARE's or the desk's to know: RCW 70.02.230.
"""

from collections.abc import Sequence
from typing import Final

from dispatch.reasons import REACH, SPEAK_FOR_CARE, Reason

ASK_DESK: Final = "ASK_DESK"
STAY: Final = "STAY"
CALLED_AWAY: Final = "CALLED_AWAY"
NOBODY_COMES: Final = "NOBODY_COMES"

_OWN_WORDS: Final[dict[str, str]] = {
    "WEAPON_YES": "A weapon was said to be there.",
    "WEAPON_UNKNOWN": "Whether there is a weapon is not known. That is not a no.",
    "VIOLENCE_YES": "Somebody was said to be threatening violence.",
    "VIOLENCE_UNKNOWN": "Whether somebody threatens violence is not known. That is not a no.",
    "TYPE_RED": "This type of call is for police only.",
    "TYPE_YELLOW": "This type of call is police's unless the 911 desk decides otherwise.",
    "TYPE_RESTRICTED": "The policy restricts this type of call.",
    "TYPE_NOT_IN_POLICY": "The policy does not send CARE to this type of call.",
    "NO_POLICY": "No dispatch policy is in force.",
    "OUTSIDE_AREAS": "It is outside CARE's service areas.",
    "AREA_NOT_IN_POLICY": "The policy does not send CARE to this area.",
    "AREA_CLOSED": "CARE is closed in this area now.",
    "OUTSIDE_HOURS": "It is outside CARE's hours.",
    "NO_UNIT_ON_SHIFT": "No CARE unit is on shift in this area.",
    "NO_CAPABLE_UNIT": "No CARE unit on shift has what this needs.",
}
REASONS: Final[dict[str, str]] = {
    **_OWN_WORDS,
    ASK_DESK: "CARE cannot take this one. The 911 desk can say more.",
    STAY: "Police go together with CARE here: stay until the unit is with you.",
    CALLED_AWAY: "The unit was called away. Another one is being looked for.",
    NOBODY_COMES: "CARE is not coming any more.",
}
SUGGESTED: Final[dict[str, str]] = {
    "DESK": "Ask the 911 desk on the radio: it can look at it with you.",
    "POLICE": "Keep it as a police call.",
    "EMS": "Ask for an ambulance on the radio, if anybody may need one.",
    "LATER": "Refer the person for later contact. No unit is sent.",
    "CRISIS_LINE": "Call 988 with the person: the crisis line is open day and night.",
    "OUTSIDE_TEAM": "Ask the desk for a team of another service: Health One, a mobile crisis team.",
}
_DANGER = frozenset({"WEAPON_YES", "VIOLENCE_YES", "POLICE_ONLY_YES", "TYPE_RED"})


def told_of(reasons: Sequence[str]) -> list[str]:
    """
    Return the codes that whoever referred is told, of those that a decision rests on.
    """
    against = [code for code in reasons if code not in SPEAK_FOR_CARE and code != Reason.ALL_UNITS_BUSY]
    told = [code for code in against if code in _OWN_WORDS]
    return told or [ASK_DESK]


def other_ways(reasons: Sequence[str]) -> list[str]:
    """
    Return the codes of what else can be done, where CARE does not take it for these reasons.
    """
    if not _DANGER.isdisjoint(reasons):
        return ["POLICE", "DESK", "LATER"]
    if Reason.MEDICAL_YES in reasons:
        return ["EMS", "DESK", "LATER"]
    if not REACH.isdisjoint(reasons):
        return ["OUTSIDE_TEAM", "CRISIS_LINE", "LATER"]
    return ["DESK", "LATER", "CRISIS_LINE"]
