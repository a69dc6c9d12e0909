"""
Signing on and off at a tablet, and what becomes of it.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from pytest_django import Settings

from journal.door import open_door
from responders.actions import shifts
from responders.models import EndReason, Person, Shift, Unit
from responders.refusals import NotAResponder
from tablets import refusals
from tablets.actions import registry, sign_off
from tablets.models import SignOn, Tablet
from tests.factories import responders as make
from tests.factories import tablets as make_tablets
from tests.replica import bodies
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough password of nobody"


def post(
    tablet: make_tablets.Paired, what: str, body: Mapping[str, object] | None = None
) -> tuple[int, dict[str, object]]:
    answer = tablet.client.post(f"/api/tablets/{what}/", body or {}, content_type="application/json")
    return answer.status_code, answer.json() if answer.content else {}


def responder_with_password(unit: Unit) -> Person:
    return make.person(unit.agency, password=PASSWORD)


def test_signing_on_by_password_starts_a_shift_on_the_tablets_unit() -> None:
    unit = make.unit(make.agency())
    tablet, person = make_tablets.paired(unit), responder_with_password(unit)

    status, body = post(tablet, "sign-on", {"email": person.email, "password": PASSWORD})

    shift = Shift.objects.get()
    assert status == 200, body
    assert (body["person"], body["shift"]) == (person.pk, shift.pk)
    assert (shift.person, shift.unit, shift.ended_at) == (person, unit, None)
    assert tablet.client.get("/api/tablets/me/").json()["person"] == person.pk


def test_a_wrong_password_signs_nobody_on() -> None:
    unit = make.unit(make.agency())
    tablet, person = make_tablets.paired(unit), responder_with_password(unit)

    status, body = post(tablet, "sign-on", {"email": person.email, "password": "wrong"})

    assert (status, body["code"]) == (401, "sign_in_failed")
    assert not Shift.objects.exists()


def test_outside_demo_mode_a_second_factor_is_asked_for(settings: Settings) -> None:
    settings.DEMO = False
    unit = make.unit(make.agency())
    tablet, person = make_tablets.paired(unit), responder_with_password(unit)
    given = {"email": person.email, "password": PASSWORD}
    assert post(tablet, "sign-on", given)[1]["code"] == "second_factor_missing"
    secret = generate_totp_secret()
    TOTP.activate(person, secret)
    assert Authenticator.objects.filter(user=person).exists()

    without = post(tablet, "sign-on", given)
    wrong = post(tablet, "sign-on", {**given, "code": "000000"})
    code = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    right = post(tablet, "sign-on", {**given, "code": code})

    assert (without[0], without[1]["code"]) == (401, "second_factor_needed")
    assert (wrong[0], wrong[1]["code"]) == (401, "sign_in_failed")
    assert right[0] == 200, right


def test_the_persons_own_session_in_the_same_browser_signs_on() -> None:
    unit = make.unit(make.agency())
    tablet, person = make_tablets.paired(unit), make.person(unit.agency)
    browser = desk_client(person, headers={"X-Tablet": "1", "Origin": make_tablets.ORIGIN})
    browser.cookies["tablet"] = tablet.token

    answer = browser.post("/api/tablets/sign-on/", {}, content_type="application/json")

    assert (answer.status_code, answer.json()["person"]) == (200, person.pk)


def test_two_partners_join_one_shift_each_on_their_own_tablet() -> None:
    unit = make.unit(make.agency())
    first, second = make_tablets.paired(unit), make_tablets.paired(unit)

    make_tablets.signed_on(first.tablet)
    make_tablets.signed_on(second.tablet)

    assert Shift.objects.open().of_unit(unit.pk).count() == 2


def test_somebody_on_shift_already_joins_with_that_shift() -> None:
    unit = make.unit(make.agency())
    person = make.person(unit.agency)
    shift = make.on_shift(person, unit, at=datetime.now(UTC))

    signed_on = make_tablets.signed_on(make_tablets.paired(unit).tablet, person)

    assert signed_on.shift == shift
    assert Shift.objects.count() == 1


def test_signing_on_again_replaces_the_old_sign_on() -> None:
    unit = make.unit(make.agency())
    tablet, person = make_tablets.paired(unit).tablet, make.person(unit.agency)
    old = make_tablets.signed_on(tablet, person)

    new = make_tablets.signed_on(tablet, person)

    old.refresh_from_db()
    assert old.ended_at is not None
    assert (new.shift, new.ended_at) == (old.shift, None)


@pytest.mark.parametrize("reason", ["another person", "another unit", "no responder", "revoked", "inactive"])
def test_signing_on_is_refused(reason: str) -> None:
    agency = make.agency()
    unit = make.unit(agency)
    tablet, person = make_tablets.paired(unit).tablet, make.person(agency)
    refusal: type[Exception] = NotAResponder
    if reason == "another person":
        make_tablets.signed_on(tablet)
        refusal = refusals.TabletInUse
    elif reason == "another unit":
        make.on_shift(person, make.unit(agency), at=datetime.now(UTC))
        refusal = refusals.OnAnotherUnit
    elif reason == "no responder":
        person = make.person(agency, "DISPATCHER")
    elif reason == "revoked":
        revoke(tablet)
        refusal = refusals.TabletRevoked
    else:
        with open_door(by=make.SCENE, at=datetime.now(UTC)):
            Person.objects.filter(pk=person.pk).update(is_active=False)

    with pytest.raises(refusal):
        make_tablets.signed_on(tablet, person)


def test_a_tablet_whose_former_crew_has_ended_its_shift_takes_the_next() -> None:
    unit = make.unit(make.agency())
    tablet = make_tablets.paired(unit).tablet
    former = make_tablets.signed_on(tablet)
    with open_door(by=make.SCENE, at=datetime.now(UTC)):
        shifts.end(shift_id=former.shift_id, reason=EndReason.NOTHING_OPEN, by=make.SCENE, at=datetime.now(UTC))

    new = make_tablets.signed_on(tablet)

    assert SignOn.objects.filter(tablet=tablet, ended_at=None).get() == new


def test_leaving_the_tablet_leaves_the_shift_open() -> None:
    tablet = make_tablets.crewed(make.unit(make.agency()))

    assert post(tablet, "sign-off")[0] == 204

    assert Shift.objects.get().ended_at is None
    assert tablet.client.get("/api/tablets/me/").json()["person"] is None
    assert post(tablet, "sign-off")[0] == 403


def test_the_end_of_a_shift_ends_its_sign_ons() -> None:
    signed_on = make_tablets.signed_on(make_tablets.paired(make.unit(make.agency())).tablet)

    with open_door(by=make.SCENE, at=datetime.now(UTC)):
        ended = sign_off.end_sign_ons(shift_id=signed_on.shift_id, at=datetime.now(UTC))

    assert ended == 1
    assert not SignOn.objects.filter(ended_at=None).exists()


def test_the_lock_screen_opens_for_whoever_is_signed_on() -> None:
    unit = make.unit(make.agency())
    tablet, person, other = make_tablets.paired(unit), responder_with_password(unit), responder_with_password(unit)
    make_tablets.signed_on(tablet.tablet, person)

    assert post(tablet, "unlock", {"password": "wrong"})[0] == 401
    assert post(tablet, "unlock", {"password": PASSWORD}) == (200, {"person": person.pk})
    assert other.pk != person.pk


def test_supervisors_see_tablets_and_who_is_signed_on() -> None:
    agency = make.agency()
    unit = make.unit(agency, call_sign="CARE 9")
    tablet, person = make_tablets.paired(unit).tablet, make.person(agency, name="Responder One")
    stream = f"supervisors.{agency.pk}"
    make_tablets.signed_on(tablet, person)

    body = bodies(stream, "tablet")[str(tablet.pk)]
    assert (body["name"], body["unit"], body["call_sign"], body["revoked_at"]) == (
        tablet.name,
        str(unit.pk),
        "CARE 9",
        None,
    )
    assert [who["name"] for who in body["signed_on"]] == ["Responder One"]

    with open_door(by=make.SCENE, at=datetime.now(UTC)):
        Unit.objects.filter(pk=unit.pk).update(call_sign="CARE 10")
        Person.objects.filter(pk=person.pk).update(name="Responder Two")
    body = bodies(stream, "tablet")[str(tablet.pk)]
    assert (body["call_sign"], body["signed_on"][0]["name"]) == ("CARE 10", "Responder Two")

    revoke(tablet)
    body = bodies(stream, "tablet")[str(tablet.pk)]
    assert body["revoked_at"] is not None
    assert body["signed_on"] == []


def test_an_expired_sign_on_gives_way() -> None:
    unit = make.unit(make.agency())
    tablet = make_tablets.paired(unit).tablet
    make_tablets.signed_on(tablet, since=datetime.now(UTC) - timedelta(hours=13))

    make_tablets.signed_on(tablet)

    assert SignOn.objects.filter(tablet=tablet).count() == 2


def revoke(tablet: Tablet) -> None:
    by = make.actor(make.person(tablet.agency, "SUPERVISOR"))
    with open_door(by=by, at=datetime.now(UTC)):
        registry.revoke(tablet=tablet.pk, by=by, at=datetime.now(UTC))
