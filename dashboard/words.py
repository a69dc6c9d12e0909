"""
What a kept report is called on the supervisor's pages: its kind, its fields, its codes, why it was kept and what helps.

Codes of calls and units have their words in dispatch/words.py.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from dispatch.words import ANSWERS, CHECKS, DISPOSITIONS, DISQUALIFIERS, ON_VIEW, STATUSES
from journal.kinds import Kind, Nature, kinds

# Every kind that a tablet can send. tests/dashboard/test_words.py asserts that none is missing.
KINDS: Final[dict[str, str]] = {
    "unit.duty": "Unit's duty changed",
    "call.self_dispatch": "Self-dispatch to a call",
    "call.poach": "Take from police",
    "call.answer": "Disqualifier answered",
    "call.note": "Note on a call",
    "call.at_scene": "On scene without the call",
    "call.on_view": "On-view encounter",
    "call.check": "Presence or premise check",
    "call.join": "Encounter joined with a call",
    "unit.check_in": "Crew checked in",
    "call.attach": "Photo or signature on a call",
    "assignment.deliver": "Call reached the tablet",
    "assignment.acknowledge": "Call acknowledged",
    "assignment.en_route": "En route",
    "assignment.stage": "Staged",
    "assignment.arrive": "On scene",
    "assignment.transport": "Transporting",
    "assignment.at_destination": "At destination",
    "assignment.clear": "Clear",
    "assignment.hand_back": "Hand back",
    "assignment.hand_over": "Hand over to another unit",
    "hand_over.accept": "Hand-over accepted",
    "hand_over.decline": "Hand-over declined",
    "stop.acknowledge": "Stop acknowledged",
    "tandem.ask": "Police or EMS asked for",
    "tandem.partner_there": "Police or EMS are there",
    "tandem.safe": "Scene declared safe",
    "tandem.release": "Police or EMS released",
    "tandem.partner_only": "Left to police or EMS",
    "tandem.care_alone": "CARE alone, agreed",
    "tandem.withdraw": "Withdrew from danger",
    "referral.make": "Referral",
    "referral.withdraw": "Referral withdrawn",
    "referral.eta": "When the unit will be there",
    "referral.handed_over": "Officer left",
    "client.link": "Person at a call",
    "encounter.save": "Report, as typed",
    "encounter.sign": "Report, signed",
    "encounter.addendum": "Addition to a report",
    "encounter.report_made": "Report to the authorities made",
    "follow_up.attempt": "Attempt to reach somebody",
    "follow_up.go": "Going to visit somebody",
    "message.send": "Message to the desk",
    "message.deliver": "Message reached the tablet",
    "message.read": "Message read",
    "shift.sign_off": "Shift ended",
    "tablet.sign_on": "Signed on at the tablet",
    "tablet.sign_off": "Signed off at the tablet",
}
ARGUMENTS: Final[dict[str, str]] = {
    "unit": "Unit",
    "to_unit": "To unit",
    "asked_by": "Asked by",
    "call": "Call",
    "assignment": "Assignment",
    "hand_over": "Hand-over",
    "stop": "Stop",
    "tandem": "Tandem",
    "message": "Message",
    "referral": "Referral",
    "kind": "Kind",
    "number": "Number",
    "address": "Address",
    "searched": "Searched",
    "weapons": "Weapons",
    "threats": "Threats",
    "medical": "Ambulance",
    "contact": "Contact",
    "staying": "Stays",
    "minutes": "Minutes",
    "partner": "Who comes",
    "reasons": "Reasons",
    "first": "Goes in first",
    "staging": "Staging point",
    "staging_note": "Staging",
    "partner_unit": "Their unit",
    "said_by": "Said by",
    "officer": "Officer",
    "at": "At",
    "key": "What the sender calls it",
    "canned": "Phrase",
    "duty": "Duty",
    "reason": "Reason",
    "disqualifier": "Question",
    "value": "Answer",
    "called_back": "Caller was called back",
    "text": "Text",
    "note": "Note",
    "disposition": "Disposition",
    "destination": "Destination",
    "persons": "Persons",
    "miles_start": "Miles at the start",
    "miles_end": "Miles at the end",
    "choice": "What becomes of the call",
    "person": "Person",
    "planned_end_at": "Planned until",
    "sha256": "Picture's fingerprint",
    "purpose": "Picture",
    "caption": "Caption",
    "what": "What",
    "on_view": "Encounter",
    "point": "Position",
    "accuracy": "Accuracy in metres",
    "place_kind": "Kind of place",
    "answers": "Answers",
    "into": "Into call",
    "encounter": "Report",
    "revision": "Version of the report",
    "seconds": "Seconds with the form",
    "body": "What the report says",
    "met": "Person of the report",
    "made_to": "Made to",
    "made_at": "Made at",
    "client": "Person's record",
    "follow_up": "Follow-up",
    "how": "How",
    "result": "What came of it",
    "next_step": "Next step",
}
CHOICES: Final[dict[str, dict[str, str]]] = {
    "duty": STATUSES,
    "disqualifier": DISQUALIFIERS,
    "value": ANSWERS,
    "disposition": DISPOSITIONS,
    "what": ON_VIEW | CHECKS,
    "purpose": {"PHOTO": "Photo", "SIGNATURE": "Signature"},
    "choice": {
        "NOTHING_OPEN": "Nothing was open",
        "CLEAR": "Cleared",
        "HAND_OVER": "Handed over",
        "LEAVE_WITH_DESK": "Left with the desk",
    },
}


class Cause(NamedTuple):
    """
    Why reports were kept, in one line, and what a supervisor can do about it.
    """

    title: str
    next_step: str


_NEWER = "It was made by a newer app. Have CARE Field updated, then try again."
_ASK = "Ask the crew. Enter it at the desk if it is right, then close it."
# What to do about each code. One that is not here is shown with the sentence that was kept with the report.
CAUSES: Final[dict[str, Cause]] = {
    "unknown_kind": Cause("This version does not know such a report", _NEWER),
    "unknown_version": Cause("This version cannot read the report in this form", _NEWER),
    "invalid_args": Cause("Something in the report could not be understood", f"Read what was sent. {_ASK}"),
    "invalid_envelope": Cause("The report could not be understood at all", f"Read what was sent. {_ASK}"),
    "cannot_unseal": Cause(
        "The report is sealed with a key that is not here",
        "Whoever runs the server puts the key back (SEAL_KEYS). Then try again.",
    ),
    "not_signed_on_then": Cause(
        "Nobody of that name was signed on there then", f"Find out who had the tablet. {_ASK}"
    ),
    "tablet_revoked": Cause(
        "It came from a tablet that was out of use",
        "Ask whoever had it then. Try again if their word stands, else close it.",
    ),
    "purge_ordered": Cause(
        "It came from a tablet that was to erase itself",
        "It was sent before the tablet erased itself. Try again if it is right, else close it.",
    ),
    "installation_elsewhere": Cause(
        "It came from a tablet that belonged to another agency", "Read what was sent, and close it."
    ),
    "action_id_reused": Cause(
        "It came twice, and not the same both times", f"The first is entered. Read what was sent. {_ASK}"
    ),
    "server_fault": Cause(
        "The server failed while entering it",
        "Whoever runs the server finds it in the log by its ticket. Try again when it is mended.",
    ),
    "call_not_found": Cause("There is no such call", _ASK),
    "tandem_not_found": Cause("This crew never had a call with such a tandem", _ASK),
    "message_not_found": Cause("There is no such message for this crew", "Nothing is lost. Close it."),
    "encounter_not_found": Cause("There is no such report of this crew", "Ask the crew. Try again if it came since."),
    "choice_unknown": Cause(
        "The report holds a choice that this agency does not have", "Have the choice added. Then try again."
    ),
    "assignment_not_found": Cause("This crew never had such a call", _ASK),
    "stop_not_found": Cause("There is no such stop", _ASK),
}


def kind(name: str) -> str:
    """
    Return what a kind of report is called; the kind itself where this version does not know it.
    """
    return KINDS.get(name, f"“{name}”")


def cause(code: str, message: str) -> Cause:
    """
    Return why a report was kept, by its code, else by the sentence that was kept with it.
    """
    return CAUSES.get(code) or Cause(message.rstrip(".") or code, "Try again after a fix, or close it with a reason.")


def is_operational(name: str) -> bool:
    """
    Tell whether a supervisor may read what a report of this kind says.

    What was done for a person is behind the clinical wall. So a kind may be read when the apps below that wall declare
    it, and one that nobody declares when it is about the same things ("call.…", "assignment.…") as one of those.
    """
    declared = kinds().get(name)
    if declared is not None:
        return _is_below_the_wall(declared)
    things = {known.name.partition(".")[0] for known in kinds().values() if _is_below_the_wall(known)}
    return name.partition(".")[0] in things


def faults(facts: Mapping[str, Any]) -> str:
    """
    Return which arguments could not be understood, and why; an empty text where that was not the cause.
    """
    fields = facts.get("fields")
    if not isinstance(fields, dict):
        return ""
    said = []
    for name, why in fields.items():
        first = why[0] if isinstance(why, list) and why else why
        said.append(f"{ARGUMENTS.get(name, name) or 'Report'}: {first}")
    return " ".join(said)[:400]


def argument(name: str, value: Any) -> tuple[str, str]:
    """
    Return one argument as a supervisor reads it: (what it is, what it says).
    """
    if isinstance(value, bool):
        said = "Yes" if value else "No"
    elif value is None:
        said = "not said"
    elif isinstance(value, str):
        said = CHOICES.get(name, {}).get(value, value)
    else:
        said = str(value)
    return ARGUMENTS.get(name, name), said


def sent_by_tablets() -> set[str]:
    """
    Return the kinds that a tablet can send without contact.
    """
    return {known.name for known in kinds().values() if known.nature in {Nature.FACT, Nature.INTENT}}


def _is_below_the_wall(declared: Kind) -> bool:
    return not declared.serializer.__module__.startswith("followups")
