"""
Pairing: one code, one tablet, five guesses, ten minutes.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.test import Client

from journal.door import open_door
from journal.models import Entry
from responders.models import Unit
from tablets import refusals
from tablets.actions import pair
from tablets.models import PairingCode, Tablet
from tablets.secrets import hash_token, split_code
from tests.conftest import NOON
from tests.factories import responders as make
from tests.security.clients import desk_client


def new_code(unit: Unit, *, at: datetime | None = None) -> str:
    at = at or datetime.now(UTC)
    by = make.actor(make.person(unit.agency, "SUPERVISOR"))
    with open_door(by=by, at=at):
        return pair.make_code(unit_id=unit.pk, name="Tablet A", by=by, at=at).code


def trade(code: str, **fields: str) -> tuple[int, dict[str, object], Client]:
    client = Client()
    answer = client.post("/api/tablets/pair/", {"code": code, **fields}, content_type="application/json")
    return answer.status_code, answer.json(), client


@pytest.mark.django_db(transaction=True)
def test_a_supervisor_makes_a_code_and_a_tablet_trades_it() -> None:
    unit = make.unit(make.agency())
    desk = desk_client(make.person(unit.agency, "SUPERVISOR"), headers={"Origin": "http://localhost:8000"})
    made = desk.post(
        "/api/tablets/pairing-codes/", {"unit": unit.pk, "name": "Tablet A"}, content_type="application/json"
    )
    assert made.status_code == 201, made.content

    status, body, client = trade(made.json()["code"].lower().replace("-", " "))

    tablet = Tablet.objects.get()
    assert (status, body) == (200, {"tablet": tablet.pk, "unit": unit.pk, "name": "Tablet A"})
    cookie = client.cookies["tablet"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
    assert bytes(tablet.token_hash) == hash_token(cookie.value)
    assert made.json()["url"].endswith(f"/tablet/pair/#{made.json()['code']}")
    assert made.json()["qr_svg"].startswith("<svg")
    assert [entry.kind for entry in Entry.objects.order_by("id") if entry.kind.startswith("tablet.")] == [
        "tablet.code_made",
        "tablet.paired",
        "tablet.backup_key_made",
    ]


@pytest.mark.django_db
def test_neither_code_nor_token_is_kept() -> None:
    code = new_code(make.unit(make.agency()))
    _, body, _ = trade(code, want="token")
    token = str(body["token"])

    kept = PairingCode.objects.values().get()
    tablet = Tablet.objects.values().get()

    assert split_code(code)[1] not in str(kept)
    assert token not in str(tablet)
    assert len(token) >= 43


@pytest.mark.django_db
@pytest.mark.parametrize("late", [timedelta(minutes=10), timedelta(days=1)])
def test_a_code_expires(late: timedelta) -> None:
    code = new_code(make.unit(make.agency()), at=datetime.now(UTC) - late)

    assert trade(code)[0] == 403


@pytest.mark.django_db
def test_a_code_works_once() -> None:
    code = new_code(make.unit(make.agency()))
    assert trade(code)[0] == 200

    status, body, _ = trade(code)

    assert (status, body["code"]) == (403, "pairing_code_wrong")
    assert Tablet.objects.count() == 1


@pytest.mark.django_db
def test_the_right_code_after_five_wrong_ones_is_refused() -> None:
    code = new_code(make.unit(make.agency()))
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    for _ in range(5):
        assert trade(wrong)[0] == 403

    assert trade(code)[0] == 403
    assert not Tablet.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("nonsense", ["", "0", "A" * 12, "A" * 40, "ÄÖÜÄÖÜÄÖÜÄÖÜ", "K7Q2\x00FMXT3RB"])
def test_nonsense_answers_like_a_wrong_code(nonsense: str) -> None:
    new_code(make.unit(make.agency()))

    status, body, _ = trade(nonsense)

    assert status in (400, 403)
    assert body["code"] in ("invalid_args", "invalid_request", "pairing_code_wrong")


@pytest.mark.django_db
def test_a_unit_of_another_agency_gets_no_code() -> None:
    stranger = make.unit(make.agency())
    by = make.actor(make.person(make.agency(), "SUPERVISOR"))

    with pytest.raises(Exception, match="unit_not_found"), open_door(by=by, at=NOON):
        pair.make_code(unit_id=stranger.pk, name="Mine", by=by, at=NOON)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_five_tablets_with_one_code_one_is_paired() -> None:
    code = new_code(make.unit(make.agency()))
    together = Barrier(5)

    def attempt(_: int) -> int:
        try:
            together.wait()
            now = datetime.now(UTC)
            try:
                code_id = pair.count_attempt(code=code, at=now)
                with open_door(by="tablet:new", at=now):
                    pair.trade(code_id=code_id, code=code, at=now)
            except refusals.PairingCodeWrong:
                return 0
            return 1
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        assert sum(pool.map(attempt, range(5))) == 1
    assert Tablet.objects.count() == 1
