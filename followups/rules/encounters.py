"""
What a report is as a whole: who may write it, which of its codes are choices, what a supervisor should look at.

A report is a fact: nothing in it is refused because it should not have been done. What should not have been is a *concern*,
which stays with the report until a supervisor has looked at it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from django.db.models import Q

from followups.models import Choice, ChoiceField, Contact, Encounter, FollowUp
from followups.refusals.encounters import ChoiceUnknown, EncounterNotFound
from followups.rules.clients import had_on_tablet
from responders.actors import Actor

Body = Mapping[str, Any]

# A report to the authorities within 48 hours of knowing (RCW 26.44.030(1)(e)); supervisors hear of it while there is time.
MANDATED: Final = timedelta(hours=48)
MANDATED_TOLD: Final = timedelta(hours=12)
# A report that came back outside of a shift is due in a day.
RETURNED_DUE: Final = timedelta(hours=24)
# Minors consent to outpatient treatment themselves from this age on (RCW 71.34.530).
OWN_CONSENT: Final = 13
ADULT: Final = 18
# The one outcome that means something to the code: somebody says so, and a second one confirms it before anything stops.
DIED: Final = "DIED"
# The places of people in a body are smaller than this (followups/serializers/encounters.py).
PLACES: Final = 100

# Which choices the lists and words of one person met are answers of.
LISTS: Final[dict[str, ChoiceField]] = {
    "needs": ChoiceField.NEED,
    "behaviours": ChoiceField.BEHAVIOUR,
    "done": ChoiceField.DONE,
    "supplies": ChoiceField.SUPPLY,
    "outcomes": ChoiceField.OUTCOME,
}


class Concern(StrEnum):
    """
    What a supervisor looks at.

    NOBODY: nobody was met, and it does not say that nobody was found. MINOR_TRANSPORT: a minor without a guardian was taken
    somewhere, and no supervisor had said yes. MINOR_CONSENT: a minor agreed to something, who is too young to do so alone or
    of whom it does not say that they did, and no guardian was told. NOT_THEIRS: a record was named that the crew had not met at
    this call. UNLINKED: a record was named of which a coordinator had said that it was somebody else. OVERTAKEN: more was typed
    on another device than was signed.
    """

    NOBODY = "NOBODY"
    MINOR_TRANSPORT = "MINOR_TRANSPORT"
    MINOR_CONSENT = "MINOR_CONSENT"
    NOT_THEIRS = "NOT_THEIRS"
    UNLINKED = "UNLINKED"
    OVERTAKEN = "OVERTAKEN"


def check_is_author(encounter: Encounter, *, by: Actor) -> None:
    """
    Check that a report is the actor's own.

    :raises EncounterNotFound: it is somebody else's; answers like one that does not exist.
    """
    if encounter.agency_id != by.agency_id or encounter.author_id != by.person_id:
        raise EncounterNotFound


def check_may_add(encounter: Encounter, *, by: Actor) -> None:
    """
    Check that the actor may add to a report: its author, or a supervisor of the agency at a page.

    :raises EncounterNotFound: neither.
    """
    if by.tablet_id is None and by.has("SUPERVISOR") and encounter.agency_id == by.agency_id:
        return
    check_is_author(encounter, by=by)


def was_met(clients: Sequence[int], *, call_ids: Sequence[int], person_id: int | None, when: datetime) -> bool:
    """
    Tell whether somebody who writes of a call of ``when`` may name a record, by its id and those of what was merged into it: it
    stood on their tablets about then, or the person was at the call, or they were sent to visit them. Nobody names a record
    that they had only guessed.
    """
    if Contact.objects.filter(client__in=clients, call__in=call_ids).exists():
        return True
    if FollowUp.objects.filter(client__in=clients, call__in=call_ids).exists():
        return True
    return had_on_tablet(person_id, clients, when=when)


def was_unlinked(client_id: int, *, call_ids: Sequence[int]) -> bool:
    """
    Tell whether a coordinator has said of somebody at these calls, by whichever route they came there, that it was somebody
    else, and nobody has linked them since.
    """
    said = Contact.objects.filter(Q(unlinked=True) | Q(ended_at=None), client=client_id, call__in=call_ids)
    return said.order_by("-pk").values_list("unlinked", flat=True).first() or False


def codes_of(person: Body) -> Iterator[tuple[ChoiceField, str]]:
    """
    Yield the choices that were made about one person met.
    """
    for name, choice in LISTS.items():
        for code in person[name]:
            yield choice, code
    if person["transport"] and person["transport"]["destination"]:
        yield ChoiceField.DESTINATION, person["transport"]["destination"]
    if person["mandated"] and person["mandated"]["made_to"]:
        yield ChoiceField.MANDATED_TO, person["mandated"]["made_to"]
    for referral in person["referrals"]:
        if referral["need"]:
            yield ChoiceField.NEED, referral["need"]


def check_choices(body: Body, *, known: Collection[tuple[str, str]]) -> None:
    """
    Check that every code is a choice of the agency. One that was retired is known still: it was offered when it was chosen.

    :raises ChoiceUnknown: names the first that is none.
    """
    for person in body["met"]:
        for choice, code in codes_of(person):
            if (choice.value, code) not in known:
                raise ChoiceUnknown(field=choice.value, choice=code)


def is_risk(person: Body, *, choices: Mapping[tuple[str, str], Choice]) -> bool:
    """
    Tell whether suicide risk or an overdose was among what was found.
    """
    return any(choices[choice.value, code].risk for choice, code in codes_of(person))


def substance_use_of(person: Body, *, choices: Mapping[tuple[str, str], Choice]) -> list[str]:
    """
    Return the codes that 42 CFR Part 2 covers, in order.
    """
    return sorted({code for choice, code in codes_of(person) if choices[choice.value, code].substance_use})


def agreed_of(person: Body) -> bool | None:
    """
    Return whether somebody agreed to a second response; None when they were not asked.
    """
    answers: dict[str, bool] = {"YES": True, "NO": False}
    return answers.get(person["follow_up"])


def concerns_of(body: Body) -> list[Concern]:
    """
    Return what a supervisor should look at in what a report says.
    """
    found = {concern for person in body["met"] for concern in _of_minor(person)}
    if not body["met"] and not body["nobody_found"]:
        found.add(Concern.NOBODY)
    return [concern for concern in Concern if concern in found]


def _of_minor(person: Body) -> Iterator[Concern]:
    minor = person["minor"]
    if minor is None or (minor["age"] is not None and minor["age"] >= ADULT):
        return
    transport = person["transport"]
    if transport is not None and not minor["guardian_there"] and transport["supervisor_said_yes"] is not True:
        yield Concern.MINOR_TRANSPORT
    agreed = person["follow_up"] == "YES" or any(not referral["declined"] for referral in person["referrals"])
    old_enough = minor["age"] is not None and minor["age"] >= OWN_CONSENT and minor["own_consent"]
    if agreed and not old_enough and not minor["guardian_told"]:
        yield Concern.MINOR_CONSENT
