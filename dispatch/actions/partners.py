"""
When CARE gets a partner and when it loses it: by the call's response, by CAD's police units, by the end of the call.

What people say of a tandem is in dispatch/actions/tandems.py; this is what happens to it by itself.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.contrib.gis.geos import Point

from dispatch import rules
from dispatch.actions import alarms
from dispatch.models import (
    NOT_SAFE,
    Alarm,
    AlarmKind,
    Assignment,
    Call,
    GoesFirst,
    LockedCall,
    Partner,
    Response,
    Tandem,
    TandemAsked,
    TandemState,
)
from dispatch.reasons import SPEAK_FOR_CARE, Reason
from journal.record import record
from responders.models import Capability

PARTNER_OF = {Response.CARE_POLICE: Partner.POLICE, Response.CARE_EMS: Partner.EMS}
_RIDES_ALONG = {
    Partner.POLICE: {Capability.POLICE, Capability.BEHAVIORAL_HEALTH},
    Partner.EMS: {Capability.EMS, Capability.BEHAVIORAL_HEALTH},
}


def follow(
    *,
    call: LockedCall,
    by: object,
    at: datetime,
    danger: Collection[str] = (),
    is_overruled: bool = False,
    has_one: bool = True,
) -> Tandem | None:
    """
    Open the tandem that a held call's response asks for, and return it if it is new.

    A co-responder unit brings its partner along. Where both sides decided otherwise before (police alone, CARE alone), that
    stands until the call becomes riskier (``danger``). A response that no longer asks for a partner ends a tandem that the
    policy asked for and nobody was sent to. ``has_one`` False saves the look for tandems of a call that never had any.
    """
    partner = PARTNER_OF.get(Response(call.response)) if call.response else None
    if partner is None and not has_one:
        return None
    known = list(Tandem.objects.filter(call=call).order_by("pk"))
    for tandem in known:
        is_untouched = tandem.state == TandemState.ASKED and tandem.partner_assigned_at is None
        by_policy = tandem.asked_as == TandemAsked.POLICY or (is_overruled and tandem.asked_as == TandemAsked.DESK)
        if is_untouched and by_policy and tandem.partner != partner and call.response in (Response.CARE, *PARTNER_OF):
            end(call=call, tandem=tandem, state=TandemState.OVER, by=by, at=at, ended_at=at)
    if partner is None:
        return None
    of_partner = [tandem for tandem in known if tandem.partner == partner]
    if any(tandem.ended_at is None for tandem in of_partner):
        return None
    decided = any(tandem.state in (TandemState.PARTNER_ONLY, TandemState.CARE_ALONE) for tandem in of_partner)
    if decided and not danger:
        return None
    held = list(Assignment.objects.open().filter(call=call).select_related("unit"))
    if not held or any(_RIDES_ALONG[partner] <= set(row.unit.capabilities) for row in held):
        return None
    asked_as = TandemAsked.DESK if is_overruled else TandemAsked.POLICY
    return open_tandem(
        call=call, partner=partner, reasons=reasons_of(call), asked_as=asked_as, asked_by=str(by), by=by, at=at
    )


def open_tandem(
    *,
    call: LockedCall,
    partner: Partner,
    reasons: Collection[str],
    asked_as: TandemAsked,
    asked_by: str,
    by: object,
    at: datetime,
    when: datetime | None = None,
    first: str = GoesFirst.PARTNER,
    staging: Point | None = None,
    staging_note: str = "",
    partner_unit: str = "",
    withdrawn_at: datetime | None = None,
) -> Tandem:
    """
    Ask for a partner: CARE stages. The desk and the crew are told when nobody came within ``agency.tandem_wait_s``.
    """
    asked_at = at if when is None else when
    units = call.police_units if partner == Partner.POLICE else []
    named = partner_unit or ", ".join(units)[:20]
    tandem = Tandem.objects.create(
        call=call,
        partner=partner,
        reasons=list(reasons),
        asked_as=asked_as,
        asked_at=asked_at,
        asked_by=asked_by[:100],
        # Of what came late, too: the desk is told at once rather than never.
        due_at=asked_at + timedelta(seconds=call.agency.tandem_wait_s),
        first=first,
        staging=staging,
        staging_note=staging_note,
        partner_unit=named,
        partner_assigned_at=(call.police_assigned_at or at) if units else at if partner_unit else None,
        withdrawn_at=withdrawn_at,
    )
    _promise(tandem)
    record(
        "tandem.asked",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={"tandem": tandem.pk, "partner": str(partner), "asked_as": str(asked_as), "reasons": list(reasons)},
        by=by,
        at=asked_at,
    )
    return tandem


def reasons_of(call: Call) -> list[str]:
    """
    Return what a call's decision says against CARE alone.
    """
    return [reason for reason in call.reasons if reason not in SPEAK_FOR_CARE]


def move(tandem: Tandem, to: TandemState, *fields: str) -> None:
    """
    Make a step of the table and save it with ``fields``.
    """
    rules.check_tandem_step(tandem.state, to)
    tandem.state = to
    tandem.save(update_fields=["state", *fields])


def end(*, call: LockedCall, tandem: Tandem, state: TandemState, by: object, at: datetime, ended_at: datetime) -> None:
    """
    End a tandem; the caller records what it was that ended it.
    """
    tandem.ended_at = max(ended_at, tandem.asked_at)
    move(tandem, state, "ended_at", "officer")
    silence(call=call, tandem=tandem, by=by, at=at)


def end_with_call(*, call: LockedCall, by: object, at: datetime, closed_at: datetime) -> None:
    """
    End what a call that is over still has open; its alarms are withdrawn with the call's.
    """
    for tandem in Tandem.objects.filter(call=call, ended_at=None).order_by("pk"):
        end(call=call, tandem=tandem, state=TandemState.OVER, by=by, at=at, ended_at=closed_at)


def go_on(*, call: LockedCall, into: LockedCall, by: object, at: datetime) -> None:
    """
    Ask on for who was asked for to an encounter, on the call that it turned out to be. Where that call has such a partner
    already, the less hopeful of the two is what holds.
    """
    for tandem in Tandem.objects.filter(call=call, ended_at=None).order_by("pk"):
        known = Tandem.objects.filter(call=into, partner=tandem.partner, ended_at=None).first()
        withdrawn_at = tandem.withdrawn_at
        if known is None:
            _copy(tandem, into)
        elif known.state in NOT_SAFE:
            known.reasons = list(dict.fromkeys([*known.reasons, *tandem.reasons]))
            if withdrawn_at is not None:
                known.withdrawn_at = max(withdrawn_at, known.withdrawn_at or withdrawn_at)
                known.first = GoesFirst.PARTNER
            known.save(update_fields=["reasons", "withdrawn_at", "first"])
        elif withdrawn_at is not None and (known.safe_at is None or known.safe_at < withdrawn_at):
            # It was declared safe before the crew withdrew from there.
            end(call=into, tandem=known, state=TandemState.OVER, by=by, at=at, ended_at=at)
            _copy(tandem, into)
        if tandem.partner_released_at is not None:
            # These hours count on the call that goes on, and once.
            tandem.partner_released_at = None
            tandem.save(update_fields=["partner_released_at"])


def _copy(tandem: Tandem, into: LockedCall) -> None:
    same = {field.attname: getattr(tandem, field.attname) for field in Tandem._meta.concrete_fields}
    again = Tandem(**same | {"id": None, "call_id": into.pk})
    again.save(force_insert=True)
    if again.state == TandemState.ASKED:
        _promise(again)


def silence(*, call: LockedCall, tandem: Tandem, by: object, at: datetime) -> None:
    """
    Withdraw the promise to tell the desk that a partner has not come. Of two partners each has its own, by its time.
    """
    waiting = Alarm.objects.filter(call=call, kind=AlarmKind.TANDEM_NO_PARTNER, ended_at=None, due_at=tandem.due_at)
    others = Tandem.objects.filter(call=call, ended_at=None, due_at=tandem.due_at, state=TandemState.ASKED)
    if not others.exclude(pk=tandem.pk).exists():
        waiting.update(ended_at=at, ended_by=str(by))


def leave(*, call: LockedCall, tandem: Tandem, by: object, at: datetime, left_at: datetime) -> None:
    """
    The partner left: CARE stays where the scene was declared safe. Where it was not, it waits for a partner anew.
    """
    if tandem.state not in NOT_SAFE:
        tandem.partner_released_at = max(left_at, tandem.safe_at or left_at)
        move(tandem, TandemState.CARE_STAYS, "partner_released_at")
        return
    silence(call=call, tandem=tandem, by=by, at=at)
    tandem.partner_assigned_at = tandem.partner_arrived_at = None
    tandem.partner_unit = ""
    tandem.due_at = left_at + timedelta(seconds=call.agency.tandem_wait_s)
    fields = ["partner_assigned_at", "partner_arrived_at", "partner_unit", "due_at"]
    if tandem.state == TandemState.ASKED:
        tandem.save(update_fields=fields)
    else:
        move(tandem, TandemState.ASKED, *fields)
    _promise(tandem)


def police_changed(*, call: LockedCall, had: Collection[str], by: object, at: datetime, cad_at: datetime) -> None:
    """
    CAD assigned police units to a call, or cleared them: its tandem moves with that. That they are there, or that the scene
    is safe, CAD does not say.
    """
    if list(had) == list(call.police_units):
        return
    tandem = Tandem.objects.filter(call=call, partner=Partner.POLICE, ended_at=None).first()
    if tandem is None or tandem.state == TandemState.CARE_STAYS:
        return
    if call.police_units:
        tandem.partner_assigned_at = tandem.partner_assigned_at or call.police_assigned_at or at
        # A name that the desk gave stays until CAD's own changes.
        tandem.partner_unit = ", ".join(call.police_units)[:20]
        tandem.save(update_fields=["partner_assigned_at", "partner_unit"])
    else:
        leave(call=call, tandem=tandem, by=by, at=at, left_at=min(cad_at, at))
    record(
        "tandem.police_changed",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={"tandem": tandem.pk, "state": str(tandem.state), "units": list(call.police_units)},
        by=by,
        at=at,
    )


def arrived_before_safe(call: LockedCall, when: datetime) -> Tandem | None:
    """
    Return the tandem in which the partner was to go first and nobody had declared the scene safe at this moment.
    """
    return (
        Tandem.objects.filter(call=call, first=GoesFirst.PARTNER, asked_at__lte=when)
        .exclude(ended_at__lte=when)
        .exclude(safe_at__lte=when)
        .first()
    )


def withdrew(call: Call) -> list[str]:
    """
    Return why a crew left a scene for its own safety, as a reason of the tandem that follows.
    """
    return [str(Reason.CREW_WITHDREW), *(reason for reason in reasons_of(call) if reason != Reason.CREW_WITHDREW)]


def _promise(tandem: Tandem) -> None:
    alarms.promise(call=tandem.call, kind=AlarmKind.TANDEM_NO_PARTNER, due_at=tandem.due_at)
