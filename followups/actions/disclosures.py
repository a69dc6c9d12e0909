"""
The one exit: nothing of a record leaves CARE Field but through ``let_out`` (42 CFR 2.13, 2.16).

tests/followups/test_disclosures.py looks through the app for another way out.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from followups.actions.clients import family, standing
from followups.actions.consents import held
from followups.models import Basis, BreakGlass, Consent, Disclosure, FollowUp, Plan
from followups.notices import current_notice
from followups.queries.records import Record, record_of
from followups.refusals import clients as client_refusals
from followups.rules.disclosure import THE_PERSON, Section, check_may_let_out
from journal.record import record
from responders.actors import Actor
from responders.models import Agency

# How long a row must be that opens nothing to anybody: one has to end after it began.
_A_MOMENT: Final = timedelta(seconds=1)


def let_out(
    *,
    client_id: int,
    basis: str,
    what: Sequence[str],
    by: Actor,
    at: datetime,
    consent_id: int | None = None,
    recipient: str = "",
    purpose: str = "",
    happened_at: datetime | None = None,
) -> Disclosure:
    """
    Make a copy of parts of somebody's record for somebody outside, and account for it; the row's ``body`` is the copy.

    The copy begins with the notice of 2.32(a), long and short, and with the consent on which it goes, every element of it
    (2.32(b)). ``recipient`` and ``purpose`` are the consent's where there is one; what goes to the person goes to nobody else.
    Of a medical emergency supervisors are told until another one of them takes notice, as of an opened record. What a report says of other people, and its
    notes, which may, are not in it.

    :raises ClientNotFound: there is no such record in this agency.
    :raises PersonNeeded: the actor is nobody who could answer for it.
    :raises ConsentNotFound: the consent is somebody else's.
    :raises Refusal: as ``check_may_let_out``.
    """
    if by.person_id is None:
        raise client_refusals.PersonNeeded
    # Whoever revokes a consent takes this lock: a revocation that is answered is before every later copy.
    client = standing(client_id, agency_id=by.agency_id)
    consent = None if consent_id is None else held(consent_id, by=by, of=client)
    sections = [Section(name) for name in dict.fromkeys(what)]
    agency = Agency.objects.get(pk=by.agency_id)
    check_may_let_out(
        basis=Basis(basis),
        consent=consent,
        recipient=recipient,
        purpose=purpose,
        what=sections,
        today=at.astimezone(agency.zone).date(),
    )
    goes_on_consent = basis == Basis.CONSENT and consent is not None
    to, why = (consent.recipient, consent.purpose) if goes_on_consent and consent else (recipient, purpose)
    if basis == Basis.TO_THE_PERSON:
        to = THE_PERSON
    found = record_of(client, ids=family(client))
    notice = current_notice()
    body = {
        "notice": {"version": notice.version, "long": notice.long, "short": notice.short},
        "consent": _consent(consent) if goes_on_consent and consent else None,
        "basis": basis,
        "from": agency.name,
        "to": to,
        "purpose": why,
        "made_at": at,
        "record": {str(section): _SECTIONS[section](found) for section in sections},
    }
    row = Disclosure.objects.create(
        client=client,
        consent=consent if goes_on_consent else None,
        basis=basis,
        recipient=to,
        purpose=why,
        body=body,
        notice_version=notice.version,
        at=at,
        by_id=by.person_id,
    )
    record(
        "disclosure.make",
        agency_id=by.agency_id,
        about=f"client.{client.pk}",
        data={"disclosure": row.pk, "basis": basis, "consent": row.consent_id, "what": sections},
        by=by,
        at=at,
    )
    if basis == Basis.MEDICAL_EMERGENCY:
        _tell_supervisors(row, by=by, at=at)
    return row


def _tell_supervisors(row: Disclosure, *, by: Actor, at: datetime) -> None:
    # Nobody outside could be asked whether it was an emergency: a second one here looks at it (2.51(c)).
    glass = BreakGlass.objects.create(
        client=row.client,
        person=row.by,
        reason=f"A copy went out in a medical emergency, to {row.recipient}: {row.purpose}",
        at=at,
        ends_at=at + _A_MOMENT,
    )
    record(
        "client.break_glass",
        agency_id=by.agency_id,
        about=f"client.{row.client_id}",
        data={"break_glass": glass.pk, "person": by.person_id, "ends_at": glass.ends_at, "disclosure": row.pk},
        by=by,
        at=at,
    )


def _consent(row: Consent) -> dict[str, Any]:
    return {
        "patient": row.patient_name,
        "discloser": row.discloser,
        "description": row.description,
        "sections": row.sections,
        "recipient": row.recipient,
        "purpose": row.purpose,
        "right_to_revoke": "It may be revoked in writing at any time, but for what was done on the ground of it before.",
        "expires_on": row.expires_on,
        "expires_upon": row.expires_upon,
        "signed_by": row.signed_by,
        "signature": row.signature,
        "signed_on": row.signed_on,
        "text_version": row.text_version,
    }


def _identity(found: Record) -> dict[str, Any]:
    client = found.client
    return {
        "name": found.name,
        "aliases": [row.text for row in found.names if not row.primary],
        "born_on": client.born_on,
        "looks": client.looks,
        "language": client.language,
        "interpreter": client.interpreter,
        "pronouns": client.pronouns,
    }


def _ways(found: Record) -> list[dict[str, Any]]:
    return [
        {
            "kind": row.kind,
            "value": row.value,
            "may_say": row.may_say,
            "leave_message": row.leave_message,
            "hours": None if row.hours_from is None else [row.hours_from, row.hours_until],
        }
        for row in found.ways
        if row.ended_at is None
    ]


def _strategies(found: Record) -> list[dict[str, Any]]:
    return [{"kind": row.kind, "text": row.text} for row in found.strategies if row.ended_at is None]


def _cautions(found: Record) -> list[dict[str, Any]]:
    return [
        {"text": row.text, "seen_on": row.seen_on, "expires_at": row.expires_at}
        for row in found.cautions
        if row.ended_at is None
    ]


def _care_plan(found: Record) -> list[dict[str, Any]]:
    return [
        {"text": row.text, "written_at": row.written_at, "approved_at": row.approved_at, "review_on": row.review_on}
        for row in found.care_plans
        if row.approved_at is not None and row.ended_at is None
    ]


# Of one person's part of a report: which record it led to, and what was planned from it, stand elsewhere.
_NOT_TOLD: Final = frozenset({"position", "client", "safe_contact", "cautions", "referrals", "mandated"})


def _encounters(found: Record) -> list[dict[str, Any]]:
    return [
        {
            "opened_at": met.encounter.opened_at,
            "signed_at": met.encounter.signed_at,
            **{name: value for name, value in met.body.items() if name not in _NOT_TOLD},
        }
        for met in found.met
    ]


def _follow_ups(found: Record) -> dict[str, Any]:
    return {
        "plans": [_plan(plan) for plan in found.plans],
        "follow_ups": [_follow_up(row) for row in found.follow_ups],
    }


def _plan(row: Plan) -> dict[str, Any]:
    return {"state": row.state, "based_at": row.based_at, "steps": row.steps, "closed_at": row.closed_at}


def _follow_up(row: FollowUp) -> dict[str, Any]:
    return {
        "due_date": row.due_date,
        "step": row.step,
        "state": row.state,
        "outcome": row.outcome,
        "attempts": [{"how": tried.how, "result": tried.result, "at": tried.at} for tried in row.attempts.all()],
    }


def _care_referrals(found: Record) -> list[dict[str, Any]]:
    return [
        {
            "to": row.to,
            "need": row.need,
            "state": row.state,
            "made_at": row.made_at,
            "warm_handover": row.warm_handover,
            "steps": [{"state": step.state, "on": step.on, "said_by": step.said_by} for step in row.steps.all()],
        }
        for row in found.care_referrals
    ]


_SECTIONS: Final[Mapping[Section, Callable[[Record], Any]]] = {
    Section.IDENTITY: _identity,
    Section.WAYS: _ways,
    Section.STRATEGIES: _strategies,
    Section.CAUTIONS: _cautions,
    Section.CARE_PLAN: _care_plan,
    Section.ENCOUNTERS: _encounters,
    Section.FOLLOW_UPS: _follow_ups,
    Section.CARE_REFERRALS: _care_referrals,
}
