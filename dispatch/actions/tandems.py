"""
What the desk and the crew do about a tandem, and what they tell of it.

What is told are facts: never refused for state. One that no longer fits is kept in a flag, and none makes a scene safer than
what was said last: a declaration from before a crew withdrew changes nothing.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from django.contrib.gis.geos import Point
from django.db import connection

from dispatch import refusals, rules
from dispatch.actions import alarms, flags, links, partners, stops
from dispatch.actions.decisions import check_own_open
from dispatch.backup.reading import key_of_agency
from dispatch.models import (
    NOT_SAFE,
    AlarmKind,
    Assignment,
    AssignmentStatus,
    BackupLevel,
    BackupOrigin,
    BackupPress,
    BackupService,
    Call,
    GoesFirst,
    LockedCall,
    Partner,
    Tandem,
    TandemAsked,
    TandemState,
)
from dispatch.reasons import Reason
from journal.record import record
from responders.actors import Actor
from responders.rules import radio, unit_acted_for

# Keys of requests for backup that were not made by a tablet: the same withdrawal has the same one.
_WITHDRAWALS = UUID("0d5b8f0e-3f9c-5c0e-9a51-6f1f2f0f7a44")
# One declaration, one release: told again within this time it is the same.
_SAME = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Said:
    """
    A tandem after something was said of it, and what did not fit about that.
    """

    tandem: Tandem
    flags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """
    A crew that left a scene for its own safety: its tandem with police, and the key of its request for backup.
    """

    call: Call
    backup: UUID
    tandem: Tandem | None
    flags: list[str] = field(default_factory=list)


def ask(
    *,
    call_id: int,
    partner: str,
    by: Actor,
    at: datetime,
    reasons: list[str] | None = None,
    first: str = GoesFirst.PARTNER,
    staging: Point | None = None,
    staging_note: str = "",
    partner_unit: str = "",
    unit_id: int | None = None,
    asked_by: str = "",
) -> Tandem:
    """
    Ask for police or EMS beside CARE, by the desk or by the crew that holds the call.

    :raises CallNotFound: it is not on the actor's board.
    :raises CallClosed: nobody goes there any more.
    :raises CallNotHeld: the crew does not hold it.
    :raises TandemOpen: this partner is asked for already.
    """
    link = links.to_call(call_id, by=by, at=at, unit_id=unit_id, asked_by=asked_by)
    call = link.call
    check_own_open(call, by=by)
    if link.unit_id is not None and not Assignment.objects.open().filter(call=call, unit=link.unit_id).exists():
        raise refusals.CallNotHeld(call=call.pk)
    known = Tandem.objects.filter(call=call, partner=partner, ended_at=None).first()
    if known is not None:
        raise refusals.TandemOpen(tandem=known.pk, partner=known.partner)
    asked_as = TandemAsked.DESK if link.unit_id is None else TandemAsked.CREW
    return partners.open_tandem(
        call=call,
        partner=Partner(partner),
        reasons=reasons or partners.reasons_of(call),
        asked_as=asked_as,
        asked_by=link.asked or by.label,
        by=by,
        at=at,
        first=first,
        staging=staging,
        staging_note=staging_note,
        partner_unit=partner_unit,
    )


def plan(*, tandem_id: int, by: Actor, at: datetime, **changes: Any) -> Tandem:
    """
    Say who goes in first, where the other one waits, and which unit comes; what is not named stays as it is.

    :raises TandemNotFound: it is of another agency's call.
    :raises TandemEnded: it is over.
    """
    call, tandem = _locked(tandem_id, by=by)
    if tandem.ended_at is not None:
        raise refusals.TandemEnded(state=tandem.state)
    for name, value in changes.items():
        setattr(tandem, name, value)
    if tandem.partner_unit and tandem.partner_assigned_at is None:
        tandem.partner_assigned_at = at
    tandem.save(update_fields=[*changes, "partner_assigned_at"])
    _record("tandem.planned", call, tandem, by=by, at=at, fields=sorted(changes))
    return tandem


def partner_there(
    *,
    tandem_id: int,
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
    unit_id: int | None = None,
    asked_by: str = "",
) -> Said:
    """
    Note that police or EMS are there. That is not yet that the scene is safe.

    :raises TandemNotFound: its call never was this unit's.
    """
    told = _told(tandem_id, by, at, happened_at, unit_id, asked_by)
    tandem = told.tandem
    raised: list[str] = []
    if tandem.state == TandemState.ASKED:
        tandem.partner_arrived_at = max(told.when, tandem.asked_at)
        tandem.partner_assigned_at = tandem.partner_assigned_at or tandem.partner_arrived_at
        partners.move(tandem, TandemState.PARTNER_THERE, "partner_arrived_at", "partner_assigned_at")
        partners.silence(call=told.call, tandem=tandem, by=by, at=at)
    elif tandem.ended_at is not None and tandem.partner_arrived_at is None:
        raised.append(told.flag("tandem_over", "tandem.partner_there"))
    return told.done("tandem.partner_there", raised, by=by)


def safe(
    *,
    tandem_id: int,
    said_by: str,
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
    unit_id: int | None = None,
    asked_by: str = "",
) -> Said:
    """
    Note that the scene was declared safe, and by whom; whoever tells it here relays it under their own name. The first counts.

    :raises TandemNotFound: its call never was this unit's.
    """
    told = _told(tandem_id, by, at, happened_at, unit_id, asked_by)
    tandem = told.tandem
    raised: list[str] = []
    if rules.can_be_declared_safe(tandem, when=told.when):
        tandem.safe_at, tandem.safe_by, tandem.safe_relayed_by = told.when, said_by, (told.asked or by.label)[:100]
        tandem.partner_arrived_at = tandem.partner_arrived_at or told.when
        tandem.partner_assigned_at = tandem.partner_assigned_at or tandem.partner_arrived_at
        partners.move(
            tandem,
            TandemState.SAFE,
            "safe_at",
            "safe_by",
            "safe_relayed_by",
            "partner_arrived_at",
            "partner_assigned_at",
        )
        partners.silence(call=told.call, tandem=tandem, by=by, at=at)
    elif tandem.state in NOT_SAFE:
        raised.append(told.flag("out_of_order", "tandem.safe", said=said_by, withdrawn_at=tandem.withdrawn_at))
    elif tandem.safe_at is None or tandem.withdrawn_at is not None:
        raised.append(told.flag("tandem_over", "tandem.safe", said=said_by, state=tandem.state))
    return told.done("tandem.safe", raised, by=by, said_by=said_by)


def release(
    *,
    tandem_id: int,
    by: Actor,
    at: datetime,
    released_at: datetime | None = None,
    happened_at: datetime | None = None,
    unit_id: int | None = None,
    asked_by: str = "",
) -> Said:
    """
    Note that the partner left and CARE stays, and when: the hours until the call ends are hours of theirs saved.

    A partner that left before anybody declared the scene safe is waited for anew, and that is flagged.

    :raises TandemNotFound: its call never was this unit's.
    """
    told = _told(tandem_id, by, at, happened_at, unit_id, asked_by)
    tandem = told.tandem
    left_at = min(released_at or told.when, at)
    raised: list[str] = []
    if tandem.state == TandemState.SAFE:
        partners.leave(call=told.call, tandem=tandem, by=by, at=at, left_at=left_at)
    elif tandem.state in NOT_SAFE:
        raised.append(told.flag("released_before_safe", "tandem.release", released_at=left_at))
        partners.leave(call=told.call, tandem=tandem, by=by, at=at, left_at=left_at)
    elif tandem.state == TandemState.OVER and tandem.partner_released_at is None and tandem.safe_at is not None:
        # Told after the call was closed: the hours count all the same.
        if tandem.ended_at is not None and left_at <= tandem.ended_at:
            tandem.partner_released_at = max(left_at, tandem.safe_at)
            tandem.save(update_fields=["partner_released_at"])
        raised.append(told.flag("tandem_over", "tandem.release", released_at=left_at, state=tandem.state))
    elif tandem.partner_released_at is None or abs(tandem.partner_released_at - left_at) > _SAME:
        kept = tandem.partner_released_at
        raised.append(told.flag("tandem_over", "tandem.release", released_at=left_at, state=tandem.state, kept=kept))
    return told.done("tandem.release", raised, by=by)


def partner_only(
    *,
    tandem_id: int,
    by: Actor,
    at: datetime,
    said_by: str = "",
    happened_at: datetime | None = None,
    unit_id: int | None = None,
    asked_by: str = "",
) -> Said:
    """
    Note that either side made it the partner's alone, at once: every other unit of CARE on the call is stopped.

    :raises TandemNotFound: its call never was this unit's.
    """
    told = _told(tandem_id, by, at, happened_at, unit_id, asked_by)
    call, tandem = told.call, told.tandem
    raised: list[str] = []
    if tandem.ended_at is None:
        partners.end(call=call, tandem=tandem, state=TandemState.PARTNER_ONLY, by=by, at=at, ended_at=told.when)
        # The crew that says so has no need to be told.
        own = told.unit_id if by.tablet_id is not None else None
        stops.raise_stop(call=call, reasons=[Reason.PARTNER_ONLY], by=by, at=at, but_for=own)
    elif tandem.state != TandemState.PARTNER_ONLY:
        raised.append(told.flag("tandem_over", "tandem.partner_only", state=tandem.state))
    return told.done("tandem.partner_only", raised, by=by, **({"said_by": said_by} if said_by else {}))


def care_alone(
    *,
    tandem_id: int,
    officer: str,
    by: Actor,
    at: datetime,
    unit_id: int | None = None,
    asked_by: str = "",
) -> Tandem:
    """
    Let CARE go alone: the crew asks, a named officer agreed, and the policy has nothing against it.

    :raises TandemNotFound: its call never was this unit's.
    :raises CallNotHeld: the crew no longer has the call.
    :raises CareAloneNotAllowed: the policy has something against it.
    :raises Refusal: the tandem is over, or the partner is in already.
    """
    acting = unit_acted_for(by, unit_id, asked_by)
    call, tandem = _locked(tandem_id, by=by, unit_id=acting)
    if not Assignment.objects.open().filter(call=call, unit=acting).exists():
        raise refusals.CallNotHeld(call=call.pk)
    rules.check_care_may_go_alone(tandem, call.reasons)
    asked = radio(by, asked_by)
    tandem.officer = officer
    partners.end(call=call, tandem=tandem, state=TandemState.CARE_ALONE, by=by, at=at, ended_at=at)
    _record("tandem.care_alone", call, tandem, by=by, at=at, **({"by_radio": asked} if asked else {}))
    return tandem


def withdraw(
    *,
    call_id: int,
    by: Actor,
    at: datetime,
    key: UUID | None = None,
    point: Point | None = None,
    happened_at: datetime | None = None,
    unit_id: int | None = None,
    asked_by: str = "",
) -> Withdrawn:
    """
    Note that a crew found danger on scene and left: it asks for URGENT backup, waits nearby, and police are asked to come first.

    The request for backup is made whatever became of the call: late is never quiet. ``key`` is the one that the tablet's own
    lane for backup uses, where it was faster.

    :raises CallNotFound: the call never was on the crew's board, and its unit never held it.
    """
    acting = unit_acted_for(by, unit_id, asked_by)
    link = links.to_call(call_id, by=by, at=at, happened_at=happened_at, unit_id=acting, asked_by=asked_by)
    call, when = link.call, link.when
    backup = key or uuid5(_WITHDRAWALS, f"{call.pk}/{acting}/{when.isoformat()}")
    if BackupPress.objects.filter(pk=backup).exclude(agency_id=call.agency_id).exists():
        # As the path itself does: that one is not ours, and this one rings.
        backup = key_of_agency(backup, call.agency_id)
    _press(backup, call=call, unit_id=acting, by=by, when=when)

    raised = link.flag_late(kind="tandem.withdraw", at=at)
    own = Assignment.objects.open().filter(call=call, unit=acting).first()
    tandem = None
    if own is None and not raised:
        facts = {"kind": "tandem.withdraw", "at": when}
        raised.append(flags.raise_flag(call=call, code="late_scope", facts=facts, at=at, unit_id=acting))
    if own is not None:
        # Further back than any other step goes: see docs/call-states.md.
        own.status, own.staged_at = AssignmentStatus.STAGED, when
        own.acknowledged_at = own.acknowledged_at or when
        own.acknowledged_by = own.acknowledged_by or link.asked or str(by)
        own.delivered_at = own.delivered_at or when
        own.welfare_due_at = None
        own.save()
        alarms.end_alarms(
            call=call,
            by=by,
            at=at,
            assignment=own,
            kinds=[
                AlarmKind.NOT_DELIVERED,
                AlarmKind.NOT_ACKNOWLEDGED,
                AlarmKind.REASSIGNABLE,
                AlarmKind.WELFARE_MISSED,
            ],
        )
    if not link.is_closed:
        tandem = _police_first(call, by=by, at=at, when=when, who=link.asked or by.label)
        alarms.raise_alarm(call=call, kind=AlarmKind.CREW_WITHDREW, at=at, assignment=own)
        stops.raise_stop(call=call, reasons=[Reason.CREW_WITHDREW], by=by, at=at, but_for=acting)

    record(
        "tandem.withdraw",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={
            "unit": acting,
            "assignment": own and own.pk,
            "tandem": tandem and tandem.pk,
            "backup": str(backup),
            **({"flags": raised} if raised else {}),
            **({"by_radio": link.asked} if link.asked else {}),
        },
        by=by,
        at=when,
    )
    return Withdrawn(call, backup, tandem, raised)


@dataclass(frozen=True, slots=True)
class _Told:
    """
    A tandem under its call's lock, and how whoever tells something about it stands to the call.
    """

    link: links.Link
    tandem: Tandem
    at: datetime

    @property
    def call(self) -> LockedCall:
        return self.link.call

    @property
    def when(self) -> datetime:
        return self.link.when

    @property
    def asked(self) -> str:
        return self.link.asked

    @property
    def unit_id(self) -> int | None:
        return self.link.unit_id

    def flag(self, code: str, kind: str, **facts: object) -> str:
        told = {"kind": kind, "tandem": self.tandem.pk, **facts, "at": self.when}
        return flags.raise_flag(call=self.call, code=code, facts=told, at=self.at, unit_id=self.unit_id)

    def done(self, kind: str, raised: list[str], *, by: Actor, **data: Any) -> Said:
        if not raised:
            raised = self.link.flag_late(kind=kind, at=self.at, tandem=self.tandem.pk)
        more: dict[str, Any] = {"flags": raised} if raised else {}
        if self.asked:
            more["by_radio"] = self.asked
        _record(kind, self.call, self.tandem, by=by, at=self.when, **data, **more)
        return Said(self.tandem, raised)


def _told(
    tandem_id: int, by: Actor, at: datetime, happened_at: datetime | None, unit_id: int | None, asked_by: str
) -> _Told:
    said_id, tandem_id = tandem_id, _followed(tandem_id, unit_id=by.unit_id if by.tablet_id is not None else unit_id)
    call_id = Tandem.objects.filter(pk=tandem_id).values_list("call_id", flat=True).first()
    if call_id is None:
        raise refusals.TandemNotFound(tandem=said_id)
    try:
        link = links.to_call(
            call_id, by=by, at=at, happened_at=happened_at, unit_id=unit_id, asked_by=asked_by, as_said=True
        )
    except refusals.CallNotFound:
        raise refusals.TandemNotFound(tandem=said_id) from None
    _check_had(link.call, tandem_id, unit_id=link.unit_id, by=by, at=at)
    return _Told(link, Tandem.objects.get(pk=tandem_id), at)


def _followed(tandem_id: int, *, unit_id: int | None) -> int:
    """
    Return the tandem that goes on where an encounter turned out to be another call: what is told of the one is meant for the
    other. A crew that did not go on there speaks of its own.
    """
    found = Tandem.objects.filter(pk=tandem_id, call__joined_to__isnull=False)
    joined = found.values_list("partner", "call__joined_to").first()
    if joined is None:
        return tandem_id
    there = Tandem.objects.filter(partner=joined[0], call=joined[1])
    if unit_id is not None:
        there = there.filter(call__assignments__unit=unit_id)
    again = there.order_by("-pk").values_list("pk", flat=True).first()
    return tandem_id if again is None else again


def _locked(tandem_id: int, *, by: Actor, unit_id: int | None = None) -> tuple[LockedCall, Tandem]:
    found = Tandem.objects.filter(pk=tandem_id, call__agency=by.agency_id).values_list("call_id", flat=True).first()
    if found is None:
        raise refusals.TandemNotFound(tandem=tandem_id)
    call = Call.objects.lock(found)
    _check_had(call, tandem_id, unit_id=unit_id, by=by, at=None)
    return call, Tandem.objects.get(pk=tandem_id)


def _check_had(call: LockedCall, tandem_id: int, *, unit_id: int | None, by: Actor, at: datetime | None) -> None:
    # To see a call on its board is not enough: what a crew says here sends another one in.
    if unit_id is None:
        return
    held = Assignment.objects.filter(call=call)
    if held.filter(unit=unit_id).exists():
        return
    if at is None or not any(links.ever_had(row, unit_id=unit_id, by=by, at=at) for row in held):
        raise refusals.TandemNotFound(tandem=tandem_id)


def _police_first(call: LockedCall, *, by: Actor, at: datetime, when: datetime, who: str) -> Tandem:
    reasons = partners.withdrew(call)
    known = Tandem.objects.filter(call=call, partner=Partner.POLICE, ended_at=None).first()
    if known is not None and known.state in NOT_SAFE:
        known.withdrawn_at = max(when, known.withdrawn_at or when)
        known.reasons = list(dict.fromkeys([*known.reasons, *reasons]))
        known.first = GoesFirst.PARTNER
        known.save(update_fields=["withdrawn_at", "reasons", "first"])
        return known
    if known is not None:
        # What was safe is not any more: that declaration is over, with the time it held.
        known.withdrawn_at = when
        known.save(update_fields=["withdrawn_at"])
        partners.end(call=call, tandem=known, state=TandemState.OVER, by=by, at=at, ended_at=when)
    again = partners.open_tandem(
        call=call,
        partner=Partner.POLICE,
        reasons=reasons,
        asked_as=TandemAsked.WITHDRAW,
        asked_by=who,
        by=by,
        at=at,
        when=when,
        staging=known.staging if known is not None else None,
        staging_note=known.staging_note if known is not None else "",
        withdrawn_at=when,
    )
    if known is not None and known.partner_released_at is None:
        again.partner_assigned_at, again.partner_unit = known.partner_assigned_at, known.partner_unit
        again.partner_arrived_at = known.partner_arrived_at
        partners.move(again, TandemState.PARTNER_THERE, "partner_assigned_at", "partner_unit", "partner_arrived_at")
        partners.silence(call=call, tandem=again, by=by, at=at)
    return again


_PRESS = """
INSERT INTO dispatch_backuppress (key, agency_id, unit_id, tablet_id, origin, via, level, service, silent, drill, pressed_at,
                                  person_id, call_id, raw)
VALUES (%(key)s, %(agency)s, %(unit)s, %(tablet)s, %(origin)s, 'server', %(level)s, %(service)s, false, false, %(when)s,
        %(person)s, %(call)s, '')
ON CONFLICT DO NOTHING
"""


def _press(key: UUID, *, call: LockedCall, unit_id: int, by: Actor, when: datetime) -> None:
    """
    Raise a request for backup as the path of backup does: one INSERT. It rings with this transaction's commit, and where the
    crew is comes by the tablet's own lane.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _PRESS,
            {
                "key": key,
                "agency": call.agency_id,
                "unit": unit_id,
                "tablet": by.tablet_id,
                "origin": BackupOrigin.WITHDRAW.value,
                "level": BackupLevel.URGENT.value,
                "service": BackupService.POLICE.value,
                "when": when,
                "person": by.person_id if by.tablet_id is not None else None,
                "call": call.pk,
            },
        )
        # What a line needs to wake the consoles and the crew's tablets; they would look within a second anyway.
        cursor.execute("SELECT pg_notify('backup', %s)", [f"{call.agency_id} {key}"])


def _record(kind: str, call: LockedCall, tandem: Tandem, *, by: Actor, at: datetime, **data: Any) -> None:
    record(
        kind,
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={"tandem": tandem.pk, "partner": tandem.partner, "state": str(tandem.state), **data},
        by=by,
        at=at,
    )
