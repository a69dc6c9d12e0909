"""
Letting people in and keeping them out: accounts disabled, enabled and released, roles, lost second factors.

What ends sessions, tickets and sockets is ``Person.access_epoch``. Triggers raise it where the account, the password or a
role changes; here it is raised where nothing else would.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from allauth.mfa.models import Authenticator
from django.db.models import F
from django.db.models.functions import Coalesce

from journal.record import record
from responders import sign_in
from responders.actors import Actor
from responders.models import Person, Role, RoleName
from responders.refusals import LastAdministrator, NotYourself, PersonNotFound, ShiftAlreadyOpen

# CJIS AC-2(3): an account that nobody used for this long is closed.
IDLE: Final = timedelta(days=90)


def disable(*, person: int, by: Actor, at: datetime, **_: Any) -> Person:
    """
    Close an account: every session, ticket and socket of the person is dead within five seconds.

    :raises PersonNotFound: there is no such person in the actor's agency.
    :raises NotYourself: it is the actor's own account.
    :raises LastAdministrator: nobody would be left to open it again.
    """
    somebody = _lock(person, by)
    if somebody.pk == by.person_id:
        raise NotYourself
    _check_not_last_administrator(somebody, keeps=False)
    return _close(somebody, by=by, at=at, kind="person.disabled")


def enable(*, person: int, by: Actor, at: datetime, **_: Any) -> Person:
    """
    Open a closed account again.

    :raises PersonNotFound: there is no such person in the actor's agency.
    """
    somebody = _lock(person, by)
    somebody.is_active = True
    # The ninety days begin again: otherwise the next sweep would close it.
    somebody.last_login = at
    somebody.save(update_fields=["is_active", "last_login"])
    _tell("person.enabled", somebody, by=by, at=at)
    return somebody


def release(*, person: int, by: Actor, at: datetime, **_: Any) -> Person:
    """
    Release an account that failed sign-ins have locked.

    :raises PersonNotFound: there is no such person in the actor's agency.
    """
    somebody = _lock(person, by)
    sign_in.release(somebody)
    _tell("person.released", somebody, by=by, at=at)
    return somebody


def reset_factors(*, person: int, by: Actor, at: datetime, **_: Any) -> Person:
    """
    Remove the second factors of somebody who has lost theirs; they add a new one at their next sign-in.

    :raises PersonNotFound: there is no such person in the actor's agency.
    :raises NotYourself: it is the actor's own account.
    """
    somebody = _lock(person, by)
    if somebody.pk == by.person_id:
        raise NotYourself
    Authenticator.objects.filter(user_id=somebody.pk).delete()
    Person.objects.filter(pk=somebody.pk).update(access_epoch=F("access_epoch") + 1)
    _tell("person.factors_reset", somebody, by=by, at=at)
    return somebody


def set_roles(*, person: int, roles: Iterable[str], by: Actor, at: datetime, **_: Any) -> Person:
    """
    Give a person exactly these roles; whoever is signed in must sign in again.

    :raises PersonNotFound: there is no such person in the actor's agency.
    :raises LastAdministrator: nobody would be left to give roles.
    :raises ShiftAlreadyOpen: the person is on shift as a responder and would be none any more.
    """
    somebody = _lock(person, by)
    wanted = set(roles)
    has = set(somebody.roles.values_list("name", flat=True))
    _check_not_last_administrator(somebody, keeps=RoleName.ADMIN in wanted)
    on_shift = somebody.shifts.filter(ended_at=None).first()
    if on_shift is not None and RoleName.RESPONDER not in wanted:
        raise ShiftAlreadyOpen(shift=on_shift.pk, unit=on_shift.unit_id, since=on_shift.started_at)
    Role.objects.filter(person=somebody, name__in=has - wanted).delete()
    Role.objects.bulk_create(Role(person=somebody, name=name) for name in sorted(wanted - has))
    _tell("person.roles_set", somebody, by=by, at=at, roles=sorted(wanted))
    return somebody


def close_next_idle(*, by: str, at: datetime) -> Person | None:
    """
    Close one account that nobody has used for ninety days; return None when none is left.
    """
    somebody = (
        Person.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
        .annotate(used_at=Coalesce("last_login", "added_at"))
        .filter(is_active=True, used_at__lte=at - IDLE)
        .exclude(shifts__ended_at=None, shifts__isnull=False)
        .order_by("pk")
        .first()
    )
    return None if somebody is None else _close(somebody, by=by, at=at, kind="person.idle")


def answer(somebody: Person) -> dict[str, Any]:
    """
    Return what the receipt of these actions says.
    """
    return {"person": somebody.pk}


def _close(somebody: Person, *, by: object, at: datetime, kind: str) -> Person:
    somebody.is_active = False
    somebody.save(update_fields=["is_active"])
    _tell(kind, somebody, by=by, at=at)
    return somebody


def _lock(person_id: int, by: Actor) -> Person:
    try:
        return Person.objects.select_for_update(no_key=True, of=("self",)).get(pk=person_id, agency_id=by.agency_id)
    except Person.DoesNotExist:
        raise PersonNotFound(person=person_id) from None


def _check_not_last_administrator(somebody: Person, *, keeps: bool) -> None:
    administrators = Role.objects.filter(
        name=RoleName.ADMIN, person__is_active=True, person__agency_id=somebody.agency_id
    )
    # Locked: two administrators who take each other's role at once would otherwise both succeed.
    ids = set(administrators.select_for_update(of=("self",)).values_list("person_id", flat=True))
    if not keeps and ids == {somebody.pk}:
        raise LastAdministrator


def _tell(kind: str, somebody: Person, *, by: object, at: datetime, **data: Any) -> None:
    record(
        kind,
        agency_id=somebody.agency_id,
        about=f"person.{somebody.pk}",
        data={"person": somebody.pk, **data},
        by=by,
        at=at,
    )
