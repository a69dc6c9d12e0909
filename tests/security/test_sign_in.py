"""
Signing in through the pages: two factors, failures counted, nothing told (A1-A3).
"""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.db import connection
from django.test import Client

from journal.door import open_door
from responders import sign_in
from responders.actions import access
from responders.models import Person
from responders.refusals import SignInRefused
from tests.factories import responders as make
from tests.security.clients import desk_client

PASSWORD = "violet anchor thimble"
NOW = datetime(2026, 6, 3, 19, 0, tzinfo=UTC)


def with_app(person: Person) -> str:
    """
    Give a person an authenticator app and return its secret.
    """
    secret: str = generate_totp_secret()
    TOTP.activate(person, secret)
    return secret


def code_now(secret: str) -> str:
    """
    Return what the app shows now.
    """
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def log_in(client: Client, email: str, password: str = PASSWORD) -> Any:
    """
    Send the sign-in form.
    """
    return client.post("/accounts/login/", {"login": email, "password": password})


@pytest.mark.django_db
def test_password_and_code_sign_in_and_the_password_alone_does_not() -> None:
    person = make.person(make.agency(), "DISPATCHER", password=PASSWORD)
    secret = with_app(person)
    client = Client()

    first = log_in(client, person.email)

    assert first.headers["Location"] == "/accounts/2fa/authenticate/"
    assert client.get("/api/session/").status_code == 401
    assert client.get("/desk/").headers["Location"].startswith("/accounts/login/")

    second = client.post("/accounts/2fa/authenticate/", {"code": code_now(secret)})

    assert second.status_code == 302
    assert client.get("/api/session/").json()["roles"] == ["DISPATCHER"]


@pytest.mark.django_db
def test_without_a_second_factor_there_is_only_the_way_to_one() -> None:
    person = make.person(make.agency(), "DISPATCHER", password=PASSWORD)
    client = Client()
    log_in(client, person.email)

    desk = client.get("/desk/")

    assert desk.headers["Location"].startswith("/accounts/2fa/totp/activate/")
    assert client.get("/api/session/").status_code == 401
    page = client.get("/accounts/2fa/totp/activate/")
    assert page.status_code == 200

    client.post("/accounts/2fa/totp/activate/", {"code": code_now(page.context["form"].secret)})

    # Enrolled, but not shown: another factor cannot be added with the password alone any more.
    assert Authenticator.objects.filter(user=person, type="totp").exists()
    assert client.get("/accounts/2fa/webauthn/add/").headers["Location"].startswith("/accounts/2fa/reauthenticate/")
    assert client.get("/accounts/2fa/recovery-codes/").headers["Location"].startswith("/accounts/2fa/reauthenticate/")
    secret = page.context["form"].secret

    client.post("/accounts/2fa/reauthenticate/", {"code": code_now(secret)})

    assert client.get("/api/session/").status_code == 200
    assert client.get("/accounts/2fa/recovery-codes/").status_code == 200


@pytest.mark.django_db
def test_secrets_of_second_factors_are_sealed_in_the_database() -> None:
    person = make.person(make.agency())

    secret = with_app(person)

    kept = Authenticator.objects.get(user=person).data["secret"]
    assert secret not in kept
    assert kept.startswith("v1.")


@pytest.mark.django_db
def test_the_last_factor_cannot_be_removed() -> None:
    person = make.person(make.agency(), "DISPATCHER", password=PASSWORD)
    with_app(person)
    client = desk_client(person)

    client.post("/accounts/2fa/totp/deactivate/")

    assert Authenticator.objects.filter(user=person, type="totp").exists()


@pytest.mark.django_db
def test_five_failures_lock_until_somebody_releases() -> None:
    agency = make.agency()
    person, supervisor = make.person(agency, password=PASSWORD), make.person(agency, "SUPERVISOR")

    for _ in range(5):
        with pytest.raises(SignInRefused):
            sign_in.check_password(email=person.email, password="wrong", at=NOW)

    with pytest.raises(SignInRefused):
        sign_in.check_password(email=person.email, password=PASSWORD, at=NOW)
    with pytest.raises(SignInRefused):
        sign_in.check_password(email=person.email, password=PASSWORD, at=NOW + timedelta(days=30))
    assert sign_in.is_locked(person)

    with open_door(by="person:1", at=NOW):
        access.release(person=person.pk, by=make.actor(supervisor), at=NOW)

    assert sign_in.check_password(email=person.email.upper(), password=PASSWORD, at=NOW) == person


@pytest.mark.django_db
def test_failures_count_for_fifteen_minutes_whenever_those_begin() -> None:
    person = make.person(make.agency(), password=PASSWORD)

    for minutes in (0, 10, 11, 12, 16, 17):
        with pytest.raises(SignInRefused):
            sign_in.check_password(email=person.email, password="wrong", at=NOW + timedelta(minutes=minutes))

    # Of six, the first was more than fifteen minutes before the fifth; the last five were within seven.
    assert sign_in.is_locked(person)


@pytest.mark.django_db
def test_four_failures_are_forgotten_after_the_window() -> None:
    person = make.person(make.agency(), password=PASSWORD)
    for minutes in (0, 1, 2, 3, 19, 20):
        with pytest.raises(SignInRefused):
            sign_in.check_password(email=person.email, password="wrong", at=NOW + timedelta(minutes=minutes))

    assert sign_in.check_password(email=person.email, password=PASSWORD, at=NOW + timedelta(minutes=21)) == person


@pytest.mark.django_db
def test_wrong_codes_count_towards_the_same_lock() -> None:
    person = make.person(make.agency(), password=PASSWORD)
    secret = with_app(person)
    client = Client()
    log_in(client, person.email)

    for _ in range(5):
        client.post("/accounts/2fa/authenticate/", {"code": "000000" if code_now(secret) != "000000" else "111111"})
    client.post("/accounts/2fa/authenticate/", {"code": code_now(secret)})

    assert client.get("/api/session/").status_code == 401
    assert sign_in.is_locked(person)


@pytest.mark.django_db
def test_unknown_wrong_locked_and_closed_accounts_answer_alike() -> None:
    agency = make.agency()
    known, locked = make.person(agency, password=PASSWORD), make.person(agency, password=PASSWORD)
    closed = make.person(agency, password=PASSWORD, is_active=False)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            sign_in.check_password(email=locked.email, password="wrong", at=datetime.now(UTC))

    answers = {
        (
            answer.status_code,
            answer.content.decode().replace(email, "").split("csrfmiddlewaretoken")[0],
            answer_errors(answer),
        )
        for email, password in [
            ("nobody@example.org", PASSWORD),
            (known.email, "wrong"),
            (locked.email, PASSWORD),
            (closed.email, PASSWORD),
        ]
        for answer in [log_in(Client(), email, password)]
    }

    assert len({(status, errors) for status, _, errors in answers}) == 1


def answer_errors(answer: Any) -> str:
    """
    Return what the form says is wrong.
    """
    return str(answer.context["form"].errors.as_json())


@pytest.mark.django_db
@pytest.mark.slow
def test_a_known_and_an_unknown_address_take_the_same_time() -> None:
    known = make.person(make.agency(), password=PASSWORD).email
    took: dict[str, list[float]] = {"known": [], "unknown": []}

    # Work done by this process, and interleaved, so that whatever else the machine does changes nothing.
    for number in range(15):
        for kind, email in (("known", known), ("unknown", f"nobody{number}@example.org")):
            begun = time.process_time()
            with pytest.raises(SignInRefused):
                sign_in.check_password(email=email, password="wrong", at=NOW + timedelta(hours=number))
            took[kind].append(time.process_time() - begun)

    # The least: what other processes do to this one's caches only ever adds.
    known_s, unknown_s = (min(took[kind]) for kind in ("known", "unknown"))
    assert abs(known_s - unknown_s) / unknown_s < 0.10, (known_s, unknown_s)


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_of_two_hundred_parallel_guesses_at_most_five_are_looked_at() -> None:
    email = make.person(make.agency(), password=PASSWORD).email
    key = sign_in.account_key(email)

    def guess(_: int) -> bool:
        try:
            place = sign_in.take_place(key, at=datetime.now(UTC))
            if place.open:
                sign_in.failed(place, at=datetime.now(UTC))
            return place.open
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        looked_at = sum(pool.map(guess, range(200)))

    assert looked_at == 5
    assert sign_in.is_locked(Person.objects.get(email=email))


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_a_code_is_good_once_however_many_send_it_at_once() -> None:
    person = make.person(make.agency(), password=PASSWORD)
    secret = with_app(person)
    recovery = RecoveryCodes.activate(person)
    recovery_code = recovery.get_unused_codes()[0]
    # Not at the end of a period, where the code would change under the test.
    time.sleep(max(0.0, 5 - (30 - time.time() % 30)))
    code = code_now(secret)

    def spend(given: str) -> bool:
        try:
            return any(
                authenticator.wrap().validate_code(given)
                for authenticator in Authenticator.objects.filter(user=person)
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        by_app = sum(pool.map(spend, [code] * 50))
        by_recovery = sum(pool.map(spend, [recovery_code] * 50))

    assert (by_app, by_recovery) == (1, 1)


@pytest.mark.django_db
def test_a_locked_account_does_not_get_in_with_a_passkey_either() -> None:
    person = make.person(make.agency(), password=PASSWORD)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            sign_in.check_password(email=person.email, password=uuid4().hex, at=datetime.now(UTC))

    from allauth.account.adapter import get_adapter

    client = Client()
    request = client.get("/").wsgi_request
    stopped = get_adapter().pre_login(
        request, person, email_verification="none", signal_kwargs=None, email=None, signup=False, redirect_url=None
    )

    assert stopped is not None
