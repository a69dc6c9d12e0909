"""
What a report is called and says, in words of supervisors' pages. The labels of its choices are data (``Choice``).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from followups.models import ChoiceField, EncounterState
from followups.rules.encounters import LISTS, Concern
from followups.words import MAY_SAY, WAYS

Labels = Mapping[tuple[str, str], str]
Line = tuple[str, str]

STATES: Final[dict[str, str]] = {
    EncounterState.DRAFT: "Begun",
    EncounterState.SIGNED: "Signed",
    EncounterState.RETURNED: "Sent back",
    EncounterState.EXCUSED: "Not owed",
}
CONCERNS: Final[dict[str, str]] = {
    Concern.NOBODY: "It names nobody, and does not say that nobody was found.",
    Concern.MINOR_TRANSPORT: "A minor without a guardian was given a ride, and no supervisor had said yes.",
    Concern.MINOR_CONSENT: "A minor agreed, and neither is their own consent kept (from 13 on, RCW 71.34.530) nor was a guardian told.",
    Concern.NOT_THEIRS: "It names a record of somebody whom this crew had not met at this call.",
    Concern.UNLINKED: "It names a record of which a coordinator had said that it was somebody else at this call.",
    Concern.OVERTAKEN: "More was typed on another device than was signed; it is at the end.",
}
NALOXONE: Final[dict[str, str]] = {
    "RECOVERED": "Recovered",
    "NO_RESPONSE": "No response",
    "EMS_TOOK_OVER": "EMS took over",
    "REFUSED": "Refused more",
}
LEFT_TO: Final[dict[str, str]] = {
    "HOME": "At home",
    "HOSPITAL": "In hospital",
    "CUSTODY": "In custody",
    "SHELTER": "At a shelter",
    "STREET": "Where they were",
    "OTHER": "Somewhere else",
}
AGREED: Final[dict[str, str]] = {"YES": "Agreed", "NO": "Declined", "NOT_ASKED": "Not asked"}
_LISTS: Final[dict[str, str]] = {
    "needs": "Needs",
    "behaviours": "Behaviour seen",
    "done": "Done",
    "supplies": "Given",
    "outcomes": "Outcome",
}


def person_lines(person: Mapping[str, Any], labels: Labels) -> list[Line]:
    """
    Return what a report says of one person, line by line; what it does not say is left out.
    """
    return [(label, words) for label, words in _lines(person, labels) if words]


def _lines(person: Mapping[str, Any], labels: Labels) -> Iterator[Line]:
    def label(choice: ChoiceField, code: str) -> str:
        return labels.get((choice.value, code), code)

    for name, choice in LISTS.items():
        yield _LISTS[name], ", ".join(label(choice, code) for code in person[name])
    if naloxone := person["naloxone"]:
        yield "Naloxone", _joined(_times(naloxone["doses"]), NALOXONE.get(naloxone["outcome"], ""))
    if ride := person["transport"]:
        said = {True: "a supervisor had said yes", False: "no supervisor had said yes"}.get(
            ride["supervisor_said_yes"], ""
        )
        where = label(ChoiceField.DESTINATION, ride["destination"]) if ride["destination"] else "Somewhere"
        yield "Ride", _joined(where, ride["where"], said)
    if (interpreter := person["interpreter"]) and interpreter["used"]:
        yield "Interpreter", interpreter["language"] or "Used"
    if minor := person["minor"]:
        yield (
            "Under 18",
            _joined(
                "age not known" if minor["age"] is None else f"{minor['age']} years",
                minor["guardian"],
                "guardian was there" if minor["guardian_there"] else "",
                "guardian was told" if minor["guardian_told"] else "",
                "agreed themselves" if minor["own_consent"] else "",
            ),
        )
    if mandated := person["mandated"]:
        yield "Must be reported", mandated["about"] or "Yes"
    for referral in person["referrals"]:
        yield (
            "Referral",
            _joined(
                referral["to"] or label(ChoiceField.NEED, referral["need"]),
                "declined" if referral["declined"] else "",
                "handed over in person" if referral["warm"] else "",
            ),
        )
    yield "Second response", AGREED[person["follow_up"]]
    if (way := person["safe_contact"]) and way["value"]:
        yield "To be reached", _joined(WAYS.get(way["kind"], ""), way["value"], MAY_SAY.get(way["may_say"], ""))
    for caution in person["cautions"]:
        yield "Caution", _joined(caution["text"], f"for {caution['days']} days") if caution["text"] else ""
    yield "Left", LEFT_TO.get(person["left_to"], "")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def span(seconds: float | None) -> str:
    """
    Return how long something took as people say it: "48 s", "2 min 05 s"; "not known" where nobody counted.
    """
    if seconds is None:
        return "not known"
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def until(moment: datetime, *, at: datetime) -> str:
    """
    Return how long there is until a moment, or for how long it has been over: "in 3 h 10", "2 d 4 h ago".
    """
    seconds = int(abs((moment - at).total_seconds()))
    days, hours, minutes = seconds // 86_400, seconds % 86_400 // 3600, seconds % 3600 // 60
    length = f"{days} d {hours} h" if days else f"{hours} h {minutes:02d}" if hours else f"{minutes} min"
    return f"{length} ago" if moment <= at else f"in {length}"
