"""
Pairing: a supervisor makes a one-time code, and a tablet trades it for its token.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F

from journal.record import record
from responders import rules as unit_rules
from responders.actors import Actor
from responders.models import Unit
from responders.refusals import UnitNotFound
from tablets import refusals
from tablets.models import PairingCode, Tablet
from tablets.secrets import hash_code, hash_token, new_code, new_token, same, split_code, spoken

CODE_LIFE = timedelta(minutes=10)
ATTEMPTS = 5
# Codes are kept a while after they are dead, so that a selector that was just read aloud never means two units.
_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class NewCode:
    """
    A code as it is shown once, to the supervisor who made it.
    """

    code: str
    expires_at: datetime
    unit: Unit


def make_code(*, unit_id: int, name: str, by: Actor, at: datetime) -> NewCode:
    """
    Make a code that pairs one tablet with this unit within ten minutes.

    :raises UnitNotFound: there is no such unit, or it is another agency's.
    :raises Refusal: the unit is outside or retired.
    """
    assert by.person_id is not None, "a code is made by a person at a desk session"
    unit = Unit.objects.lock(unit_id)
    if unit.agency_id != by.agency_id:
        raise UnitNotFound(unit=unit_id)
    unit_rules.check_in_use(unit)
    PairingCode.objects.filter(expires_at__lt=at - _KEPT).delete()
    selector, secret = new_code()
    while PairingCode.objects.filter(selector=selector).exists():
        selector, secret = new_code()
    code = PairingCode.objects.create(
        unit=unit,
        name=name,
        selector=selector,
        code_hash=hash_code(secret),
        made_by_id=by.person_id,
        made_at=at,
        expires_at=at + CODE_LIFE,
    )
    record(
        "tablet.code_made",
        agency_id=unit.agency_id,
        about=f"unit.{unit.pk}",
        data={"unit": unit.pk, "pairing_code": code.pk},
        by=by,
        at=at,
    )
    return NewCode(code=spoken(selector, secret), expires_at=code.expires_at, unit=unit)


def count_attempt(*, code: str, at: datetime) -> int:
    """
    Count one attempt against the code that this names, and return its id.

    Called before the door of ``trade`` is opened: a refusal undoes what happens inside, and an attempt stays counted. The
    UPDATE is atomic, so that parallel guesses cannot share one count.

    :raises PairingCodeWrong: no open code has this selector, or it was tried too often.
    """
    selector, _ = split_code(code)
    open_codes = PairingCode.objects.filter(selector=selector, used_at=None, expires_at__gt=at, attempts__lt=ATTEMPTS)
    if not open_codes.update(attempts=F("attempts") + 1):
        raise refusals.PairingCodeWrong
    return PairingCode.objects.values_list("pk", flat=True).get(selector=selector)


def trade(*, code_id: int, code: str, at: datetime) -> tuple[Tablet, str]:
    """
    Trade a code whose attempt was counted for a tablet and its token. The token is not kept and cannot be shown again.

    :raises PairingCodeWrong: the code is wrong, or another tablet was faster.
    """
    _, secret = split_code(code)
    known = PairingCode.objects.select_related("unit").get(pk=code_id)
    if not same(bytes(known.code_hash), hash_code(secret)):
        raise refusals.PairingCodeWrong
    # The unit's lock keeps a change of its call sign apart, which the tablet's document copies.
    unit = Unit.objects.lock(known.unit_id)
    # Of two tablets with one code the first to get here takes it.
    if not PairingCode.objects.filter(pk=code_id, used_at=None).update(used_at=at):
        raise refusals.PairingCodeWrong
    unit_rules.check_in_use(unit)
    token = new_token()
    tablet = Tablet.objects.create(
        agency_id=unit.agency_id,
        unit=unit,
        name=known.name,
        token_hash=hash_token(token),
        paired_at=at,
        paired_by_id=known.made_by_id,
    )
    record(
        "tablet.paired",
        agency_id=unit.agency_id,
        about=f"tablet.{tablet.pk}",
        data={"tablet": tablet.pk, "unit": unit.pk, "pairing_code": known.pk},
        by=f"person:{known.made_by_id}",
        at=at,
    )
    return tablet, token


def renew_token(*, tablet_id: int, by: object, at: datetime) -> str:
    """
    Give a tablet a new token; the old one is dead from the commit on. The demo's doors enter a tablet this way.

    :raises TabletRevoked: it was taken out of use.
    """
    tablet = Tablet.objects.lock(tablet_id)
    if tablet.revoked_at is not None:
        raise refusals.TabletRevoked(purge=True)
    token = new_token()
    tablet.token_hash = hash_token(token)
    tablet.save(update_fields=["token_hash"])
    record(
        "tablet.token_renewed",
        agency_id=tablet.agency_id,
        about=f"tablet.{tablet.pk}",
        data={"tablet": tablet.pk},
        by=by,
        at=at,
    )
    return token
