"""
What may leave a record, to whom and on what ground: 42 CFR 2.13, 2.31-2.33, 2.51 and 2.12(c)(6).

Asked by the one action that lets anything out (followups/actions/disclosures.py).
"""

from collections.abc import Collection, Mapping
from datetime import date
from enum import StrEnum
from typing import Final

from followups.models import Basis, Consent
from followups.refusals import consents as refusals


class Section(StrEnum):
    """
    A part of a record that can be let out by itself: no more than what is needed is (42 CFR 2.13(a)).
    """

    IDENTITY = "IDENTITY"
    WAYS = "WAYS"
    STRATEGIES = "STRATEGIES"
    CAUTIONS = "CAUTIONS"
    CARE_PLAN = "CARE_PLAN"
    ENCOUNTERS = "ENCOUNTERS"
    FOLLOW_UPS = "FOLLOW_UPS"
    CARE_REFERRALS = "CARE_REFERRALS"


_ALL: Final = frozenset(Section)
# The law asks for a report of what was seen, not for the record: 2.12(c)(6) lets the report out and keeps the record in.
WIDTH: Final[Mapping[Basis, frozenset[Section]]] = {
    Basis.CONSENT: _ALL,
    Basis.MEDICAL_EMERGENCY: _ALL,
    Basis.MANDATED_REPORT: frozenset({Section.IDENTITY, Section.WAYS}),
    Basis.TO_THE_PERSON: _ALL,
}
# To whom it goes on that last ground: nobody else asks for it by saying so.
THE_PERSON: Final = "The person"


def check_may_let_out(
    *, basis: Basis, consent: Consent | None, recipient: str, purpose: str, what: Collection[Section], today: date
) -> None:
    """
    Check that these parts may go to this recipient for this purpose now. ``today`` is a day of the agency's calendar.

    :raises DisclosureNeedsConsent: the ground is a consent, and none was named.
    :raises ConsentOver: the consent was revoked, has expired or ended, or begins only later.
    :raises DisclosureOutsideConsent: it names another recipient or purpose.
    :raises DisclosureToAnother: it goes to the person, and somebody else was named.
    :raises DisclosureIncomplete: without a consent it must be said to whom and why (2.51(c) asks for it).
    :raises DisclosureTooWide: the ground, or the consent, does not cover these parts.
    """
    width = WIDTH[basis]
    if basis == Basis.CONSENT:
        if consent is None:
            raise refusals.DisclosureNeedsConsent
        check_holds(consent, today=today)
        said = ((recipient, consent.recipient), (purpose, consent.purpose))
        if any(given and _plain(given) != _plain(agreed) for given, agreed in said):
            raise refusals.DisclosureOutsideConsent
        width &= {Section(name) for name in consent.sections}
    elif basis == Basis.TO_THE_PERSON:
        if recipient.strip() and _plain(recipient) != _plain(THE_PERSON):
            raise refusals.DisclosureToAnother
        if not purpose.strip():
            raise refusals.DisclosureIncomplete
    elif not (recipient.strip() and purpose.strip()):
        raise refusals.DisclosureIncomplete
    if too_wide := sorted(set(what) - width):
        raise refusals.DisclosureTooWide(sections=too_wide)


def check_holds(consent: Consent, *, today: date) -> None:
    """
    Check that a consent holds on a day: its last day is one on which it does.

    :raises ConsentOver: it does not.
    """
    if consent.revoked_at is not None:
        raise refusals.ConsentOver(why="REVOKED")
    if consent.ended_at is not None:
        raise refusals.ConsentOver(why="ENDED")
    if consent.expires_on is not None and consent.expires_on < today:
        raise refusals.ConsentOver(why="EXPIRED")
    if consent.signed_on > today:
        raise refusals.ConsentOver(why="NOT_YET")


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
