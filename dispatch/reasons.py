"""
Why a policy said what it said: the catalogue of reason codes, with the sentence a screen shows for each.

Codes never change their meaning: decisions of past years are counted by them.
"""

from enum import StrEnum


class Reason(StrEnum):
    """
    One thing that a decision rests on.
    """

    # What speaks for CARE alone.
    TYPE_GREEN = "TYPE_GREEN"
    TYPE_ALLOWED = "TYPE_ALLOWED"
    DISQUALIFIERS_RULED_OUT = "DISQUALIFIERS_RULED_OUT"

    # What the call is.
    NO_POLICY = "NO_POLICY"
    ALWAYS_WITH_POLICE = "ALWAYS_WITH_POLICE"
    TYPE_YELLOW = "TYPE_YELLOW"
    TYPE_YELLOW_LIFTED = "TYPE_YELLOW_LIFTED"
    TYPE_RED = "TYPE_RED"
    TYPE_RESTRICTED = "TYPE_RESTRICTED"
    TYPE_NOT_IN_POLICY = "TYPE_NOT_IN_POLICY"

    # What was answered about the four disqualifiers.
    WEAPON_YES = "WEAPON_YES"
    WEAPON_NOT_RELEVANT = "WEAPON_NOT_RELEVANT"
    WEAPON_UNKNOWN = "WEAPON_UNKNOWN"
    WEAPON_NOT_ASKED = "WEAPON_NOT_ASKED"
    VIOLENCE_YES = "VIOLENCE_YES"
    VIOLENCE_NOT_RELEVANT = "VIOLENCE_NOT_RELEVANT"
    VIOLENCE_UNKNOWN = "VIOLENCE_UNKNOWN"
    VIOLENCE_NOT_ASKED = "VIOLENCE_NOT_ASKED"
    MEDICAL_YES = "MEDICAL_YES"
    MEDICAL_NOT_RELEVANT = "MEDICAL_NOT_RELEVANT"
    MEDICAL_UNKNOWN = "MEDICAL_UNKNOWN"
    MEDICAL_NOT_ASKED = "MEDICAL_NOT_ASKED"
    POLICE_ONLY_YES = "POLICE_ONLY_YES"
    POLICE_ONLY_NOT_RELEVANT = "POLICE_ONLY_NOT_RELEVANT"
    POLICE_ONLY_UNKNOWN = "POLICE_ONLY_UNKNOWN"
    POLICE_ONLY_NOT_ASKED = "POLICE_ONLY_NOT_ASKED"

    # Where it is, and who is there.
    CAUTION_ADDRESS = "CAUTION_ADDRESS"
    CAUTION_PHONE = "CAUTION_PHONE"
    PLACE_PUBLIC = "PLACE_PUBLIC"
    PLACE_RESIDENCE = "PLACE_RESIDENCE"
    PLACE_BUSINESS = "PLACE_BUSINESS"
    PLACE_ENCAMPMENT = "PLACE_ENCAMPMENT"
    PLACE_VEHICLE = "PLACE_VEHICLE"
    PLACE_UNKNOWN = "PLACE_UNKNOWN"
    MARKER_DRUG_USE = "MARKER_DRUG_USE"
    MARKER_CONFRONTATIONAL = "MARKER_CONFRONTATIONAL"

    # What the caller wants.
    CALLER_WANTS_POLICE = "CALLER_WANTS_POLICE"
    CALLER_WANTS_NO_POLICE = "CALLER_WANTS_NO_POLICE"
    CALLER_WISH_ASK_AGAIN = "CALLER_WISH_ASK_AGAIN"

    # Whether CARE can come.
    OUTSIDE_AREAS = "OUTSIDE_AREAS"
    AREA_NOT_IN_POLICY = "AREA_NOT_IN_POLICY"
    AREA_CLOSED = "AREA_CLOSED"
    OUTSIDE_HOURS = "OUTSIDE_HOURS"
    NO_UNIT_ON_SHIFT = "NO_UNIT_ON_SHIFT"
    NO_CAPABLE_UNIT = "NO_CAPABLE_UNIT"
    ALL_UNITS_BUSY = "ALL_UNITS_BUSY"

    # What happened around a call that a unit holds; a stop carries it, no decision does.
    POLICE_ASSIGNED = "POLICE_ASSIGNED"
    CAD_REJECTED = "CAD_REJECTED"
    CREW_WITHDREW = "CREW_WITHDREW"
    PARTNER_ONLY = "PARTNER_ONLY"


class OverruleCode(StrEnum):
    """
    Why a person overruled the policy.
    """

    KNOWN_PERSON = "KNOWN_PERSON"
    CALLER_REQUEST = "CALLER_REQUEST"
    CREW_REQUEST = "CREW_REQUEST"
    SAFETY_CONCERN = "SAFETY_CONCERN"
    POLICE_REQUEST = "POLICE_REQUEST"
    NO_POLICE_AVAILABLE = "NO_POLICE_AVAILABLE"
    TYPE_MISCODED = "TYPE_MISCODED"
    SUPERVISOR_JUDGEMENT = "SUPERVISOR_JUDGEMENT"


OVERRULE_WORDS: dict[str, str] = {
    "KNOWN_PERSON": "CARE knows the person.",
    "CALLER_REQUEST": "The caller asked for it.",
    "CREW_REQUEST": "The crew asked for it.",
    "SAFETY_CONCERN": "Something about this call is not safe.",
    "POLICE_REQUEST": "Police asked for it.",
    "NO_POLICE_AVAILABLE": "No police unit can come in time.",
    "TYPE_MISCODED": "The call's type is not what it is about.",
    "SUPERVISOR_JUDGEMENT": "A supervisor weighed it.",
}


_DISQUALIFIERS = {
    "WEAPON": "Weapons",
    "VIOLENCE": "A credible threat of violence",
    "MEDICAL": "A medical emergency",
    "POLICE_ONLY": "An urgent need that only police can meet",
}
_ANSWERS = {
    "YES": "{}: yes.",
    "NOT_RELEVANT": "{}: present, but not relevant.",
    "UNKNOWN": "{}: asked, not known. That is not a no.",
    "NOT_ASKED": "{}: not asked yet. That is not a no.",
}

REASON_WORDS: dict[str, str] = {
    "TYPE_GREEN": "This type of call is CARE's by default.",
    "TYPE_ALLOWED": "The policy names this type of call for CARE.",
    "DISQUALIFIERS_RULED_OUT": "All four disqualifiers were asked and ruled out.",
    "NO_POLICY": "No dispatch policy is in force.",
    "ALWAYS_WITH_POLICE": "Under this policy CARE always goes with police.",
    "TYPE_YELLOW": "This type of call is police's by default; CARE may go at discretion.",
    "TYPE_YELLOW_LIFTED": "Police's by default, but the caller confirmed wanting none and everything was ruled out.",
    "TYPE_RED": "This type of call is for police only.",
    "TYPE_RESTRICTED": "The policy restricts this type of call.",
    "TYPE_NOT_IN_POLICY": "The policy does not send CARE to this type of call.",
    **{
        f"{name}_{value}": sentence.format(words)
        for name, words in _DISQUALIFIERS.items()
        for value, sentence in _ANSWERS.items()
    },
    "CAUTION_ADDRESS": "A caution is active for this address.",
    "CAUTION_PHONE": "A caution is active for the caller's phone.",
    "PLACE_PUBLIC": "The call is at a public place.",
    "PLACE_RESIDENCE": "The call is at a residence.",
    "PLACE_BUSINESS": "The call is at a business.",
    "PLACE_ENCAMPMENT": "The call is at an encampment.",
    "PLACE_VEHICLE": "The call is at a vehicle.",
    "PLACE_UNKNOWN": "The kind of place is not known.",
    "MARKER_DRUG_USE": "Somebody there is using drugs.",
    "MARKER_CONFRONTATIONAL": "Somebody there is confrontational.",
    "CALLER_WANTS_POLICE": "The caller wants police.",
    "CALLER_WANTS_NO_POLICE": "The caller confirmed wanting no police.",
    "CALLER_WISH_ASK_AGAIN": "The caller wants no police: ask a second time.",
    "OUTSIDE_AREAS": "The call is outside CARE's service areas.",
    "AREA_NOT_IN_POLICY": "The policy does not send CARE to this area.",
    "AREA_CLOSED": "The service area is closed now.",
    "OUTSIDE_HOURS": "It is outside the policy's hours.",
    "NO_UNIT_ON_SHIFT": "No CARE unit is on shift in this area.",
    "NO_CAPABLE_UNIT": "No CARE unit on shift has what this type of call needs.",
    "ALL_UNITS_BUSY": "Every CARE unit that could go is busy.",
    "POLICE_ASSIGNED": "Police were assigned to this call.",
    "CAD_REJECTED": "CAD rejected taking this call from police.",
    "CREW_WITHDREW": "A crew found danger there and withdrew.",
    "PARTNER_ONLY": "Police or EMS handle this without CARE. Do not go in: stage or clear.",
    # A person's reason for overruling stops a crew like one of the policy's.
    **OVERRULE_WORDS,
}

# What a crew must be told at once when it appears on the call it holds, even where the response stays the same.
DANGERS = frozenset(
    {
        Reason.WEAPON_YES,
        Reason.VIOLENCE_YES,
        Reason.MEDICAL_YES,
        Reason.POLICE_ONLY_YES,
        Reason.CAUTION_ADDRESS,
        Reason.CAUTION_PHONE,
        Reason.MARKER_DRUG_USE,
        Reason.MARKER_CONFRONTATIONAL,
        Reason.TYPE_RED,
    }
)

# Reasons that are about CARE's reach, not about the call: they change with the clock and never make a call riskier.
REACH = frozenset(
    {
        Reason.OUTSIDE_AREAS,
        Reason.AREA_NOT_IN_POLICY,
        Reason.AREA_CLOSED,
        Reason.OUTSIDE_HOURS,
        Reason.NO_UNIT_ON_SHIFT,
        Reason.NO_CAPABLE_UNIT,
        Reason.ALL_UNITS_BUSY,
    }
)

# Reasons that are kept beside the others and rule nothing out.
SPEAK_FOR_CARE = frozenset(
    {
        Reason.TYPE_GREEN,
        Reason.TYPE_ALLOWED,
        Reason.DISQUALIFIERS_RULED_OUT,
        Reason.TYPE_YELLOW_LIFTED,
        Reason.CALLER_WANTS_NO_POLICE,
        Reason.CALLER_WISH_ASK_AGAIN,
    }
)
