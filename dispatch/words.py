"""
What codes are called on the pages of the desk, of officers and of supervisors: the words of the trade.

Reasons of decisions and codes of overruling have their words beside them, in dispatch/reasons.py.
"""

from dispatch.canned import OF_DESK
from dispatch.models import (
    AnswerValue,
    AssignmentStatus,
    CallerWish,
    Disposition,
    Disqualifier,
    GoesFirst,
    Marker,
    Origin,
    Partner,
    PlaceKind,
    Response,
    Source,
    TandemAsked,
    TandemState,
)
from dispatch.reasons import OVERRULE_WORDS, REASON_WORDS
from responders.models import Duty

RESPONSES: dict[str, str] = {
    Response.CARE: "CARE alone",
    Response.CARE_EMS: "CARE + EMS",
    Response.CARE_POLICE: "CARE + police",
    Response.EMS: "EMS",
    Response.POLICE: "Police",
}
DISQUALIFIERS: dict[str, str] = {
    Disqualifier.WEAPON: "Weapon",
    Disqualifier.VIOLENCE: "Threat of violence",
    Disqualifier.MEDICAL: "Medical emergency",
    Disqualifier.POLICE_ONLY: "Police-only need",
}
ANSWERS: dict[str, str] = {
    AnswerValue.YES: "Yes",
    AnswerValue.NO: "No",
    AnswerValue.UNKNOWN: "Asked, not known",
    AnswerValue.NOT_RELEVANT: "Present, but not relevant",
    AnswerValue.NOT_ASKED: "Not asked",
}
PLACES: dict[str, str] = {
    PlaceKind.UNKNOWN: "Not known",
    PlaceKind.PUBLIC: "Public place",
    PlaceKind.RESIDENCE: "Residence",
    PlaceKind.BUSINESS: "Business",
    PlaceKind.ENCAMPMENT: "Encampment",
    PlaceKind.VEHICLE: "Vehicle",
}
MARKERS: dict[str, str] = {
    Marker.DRUG_USE: "Drug use",
    Marker.CONFRONTATIONAL: "Confrontational",
}
WISHES: dict[str, str] = {
    CallerWish.NOT_SAID: "Not said",
    CallerWish.NO_POLICE: "No police",
    CallerWish.NO_POLICE_CONFIRMED: "No police, asked twice",
    CallerWish.WANTS_POLICE: "Wants police",
}
SOURCES: dict[str, str] = {
    Source.EMERGENCY: "911",
    Source.NON_EMERGENCY: "Non-emergency line",
    Source.DIRECT_LINE: "Direct line",
    Source.CRISIS_LINE: "988",
    Source.WEB: "311 or web",
    Source.HOTLINE: "Hotline",
    Source.OFFICER: "Officer",
    Source.PROVIDER: "Provider",
    Source.ON_VIEW: "On-view",
    Source.SECOND_RESPONSE: "Second response",
}
DISPOSITIONS: dict[str, str] = {
    Disposition.HANDLED: "Handled",
    Disposition.NO_ACTION_NEEDED: "No action needed",
    Disposition.UNABLE_TO_LOCATE: "Unable to locate",
    Disposition.GONE_ON_ARRIVAL: "Gone on arrival",
    Disposition.DECLINED: "Declined",
    Disposition.TRANSPORT_GIVEN: "Transport given",
    Disposition.REFERRED_TO_PARTNER: "Referred to partner",
    Disposition.POLICE_TOOK_OVER: "Police took over",
    Disposition.EMS_TOOK_OVER: "EMS took over",
    Disposition.DUPLICATE: "Duplicate",
    Disposition.CANCELLED: "Cancelled",
}
STATUSES: dict[str, str] = {
    AssignmentStatus.ASSIGNED: "Assigned",
    AssignmentStatus.ACKNOWLEDGED: "Acknowledged",
    AssignmentStatus.EN_ROUTE: "En route",
    AssignmentStatus.STAGED: "Staged",
    AssignmentStatus.ON_SCENE: "On scene",
    AssignmentStatus.TRANSPORTING: "Transporting",
    AssignmentStatus.AT_DESTINATION: "At destination",
    AssignmentStatus.CLEARED: "Clear",
    AssignmentStatus.HANDED_BACK: "Handed back",
    AssignmentStatus.REASSIGNED: "Reassigned",
    AssignmentStatus.CANCELLED: "Cancelled",
    Duty.AVAILABLE: "Available",
    Duty.MEAL: "Meal",
    Duty.REPORT: "Report",
    Duty.OUT_OF_SERVICE: "Out of service",
    "OFF_SHIFT": "Off shift",
    "OUTSIDE": "Outside unit",
}
ORIGINS: dict[str, str] = {
    Origin.DISPATCHED: "Sent by the desk",
    Origin.SELF_DISPATCHED: "Went of its own accord",
    Origin.POACHED: "Took it from police",
    Origin.ON_VIEW: "Came upon it",
    Origin.REFERRED: "Referred",
}
# What a crew came upon, in the few words that are told at once; on a tablet in this order.
ON_VIEW: dict[str, str] = {
    "WELFARE": "Check on a person",
    "CRISIS": "Person in crisis",
    "DOWN": "Person down",
    "NEEDS": "Shelter, food or a ride",
    "DISPUTE": "Dispute",
    "OTHER": "Something else",
}
CHECKS: dict[str, str] = {
    "PRESENCE": "Presence check",
    "PREMISE": "Premise check",
}
# The desk's own reasons; what is sent and kept is the code.
CANCELS: dict[str, str] = {
    "CALLER_CANCELLED": "The caller no longer needs it",
    "DUPLICATE": "The same as another call",
    "WRONG_ADDRESS": "Wrong address, made anew",
    "NOT_OURS": "Not for this desk",
    "TEST": "A test",
}
REASSIGNS: dict[str, str] = {
    "NO_ANSWER": "No answer from the crew",
    "NEARER_UNIT": "Another unit is nearer",
    "BETTER_FITTING": "Another unit fits better",
    "CREW_ASKED": "The crew asked for it",
    "BROKEN_DOWN": "The vehicle broke down",
}
# Why a call is no longer in a list: the kind of the entry that took it out.
GONE: dict[str, str] = {
    "assignment.cleared": "Cleared",
    "call.cancelled": "Cancelled",
    "call.closed": "Closed",
    "cad.closed": "Closed by CAD",
    "cad.cancelled": "Cancelled by CAD",
    "reset": "No longer open",
}
FLAGS: dict[str, str] = {
    "late": "Reported late, after the unit had left the call",
    "late_scope": "Reported late, by a crew that no longer had the call",
    "contested": "On scene of a call that another unit holds",
    "unassigned_on_scene": "On scene of a call that nobody holds",
    "hand_over_impossible": "Left with the desk: the other unit could not be asked",
    "out_of_order": "Reported out of order",
    "call_already_closed": "Reported after the call was closed",
    "answer_after_close": "Screening answered after the call was closed",
    "note_after_close": "Noted after the call was closed",
    "attached_after_close": "Photo or signature attached after the call was closed",
    "attached_not_held": "Photo or signature attached by a crew that did not have the call then",
    "unknown_type": "CAD sent a type of call that is not known here",
    "cad_closed_under_unit": "CAD closed it while a unit was on it",
    "cad_reopened_after_close": "CAD reopened it after it was closed",
    "time_conflict": "CAD's times and the crew's differ",
    "sign_off_left_call": "Left with the desk at the end of a shift",
    "on_view_crew_gone": "Told of an encounter late, by a crew that cannot be there any more",
    "on_view_number_conflict": "CAD confirmed an encounter under a number that does not fit",
    "arrived_before_safe": "On scene before it was declared safe",
    "released_before_safe": "Police or EMS left before the scene was declared safe",
    "tandem_over": "Reported after the tandem had ended",
}
PARTNERS: dict[str, str] = {Partner.POLICE: "Police", Partner.EMS: "EMS"}
ASKED_AS: dict[str, str] = {
    TandemAsked.POLICY: "The policy",
    TandemAsked.DESK: "The desk",
    TandemAsked.CREW: "The crew",
    TandemAsked.WITHDRAW: "A crew that withdrew",
}
TANDEMS: dict[str, str] = {
    TandemState.ASKED: "Asked for",
    TandemState.PARTNER_THERE: "There, not declared safe",
    TandemState.SAFE: "Declared safe",
    TandemState.CARE_STAYS: "Released, CARE stays",
    TandemState.PARTNER_ONLY: "Without CARE",
    TandemState.CARE_ALONE: "CARE alone, agreed",
    TandemState.OVER: "Over",
}
GOES_FIRST: dict[str, str] = {
    GoesFirst.PARTNER: "They go in first",
    GoesFirst.CARE: "CARE goes in first",
    GoesFirst.TOGETHER: "Together",
}


def desk_words() -> dict[str, dict[str, str]]:
    """
    Return every catalogue that the desk's page needs, by name.
    """
    return {
        "reasons": REASON_WORDS,
        "overrules": OVERRULE_WORDS,
        "responses": RESPONSES,
        "disqualifiers": DISQUALIFIERS,
        "answers": ANSWERS,
        "places": PLACES,
        "markers": MARKERS,
        "wishes": WISHES,
        "sources": SOURCES,
        "dispositions": DISPOSITIONS,
        "statuses": STATUSES,
        "origins": ORIGINS,
        "on_view": ON_VIEW,
        "checks": CHECKS,
        "cancels": CANCELS,
        "reassigns": REASSIGNS,
        "gone": GONE,
        "flags": FLAGS,
        "partners": PARTNERS,
        "tandems": TANDEMS,
        "goes_first": GOES_FIRST,
        "canned": OF_DESK,
    }
