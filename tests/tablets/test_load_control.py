"""
Two thousand tablets that come back at once must not stand in the way of a crew that taps "on scene".
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from tablets import load, refusals
from tests.tablets.queues import crew

pytestmark = pytest.mark.django_db


@pytest.fixture
def full(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """
    Take every place, as exchanges under way in other threads do, with nobody sent away before.
    """
    settings.SYNC_PULLS = 2
    monkeypatch.setattr(load, "_book", load.Book())
    places = [load.enter(lambda: False), load.enter(lambda: False)]
    yield
    for place in places:
        load.leave(place)


@pytest.mark.usefixtures("full")
def test_who_only_asks_comes_back_later_and_costs_no_statement(settings: Settings) -> None:
    settings.SYNC_PULLS_PER_S = 4
    of = crew()

    waits = []
    with CaptureQueriesContext(connection) as queries:
        for _ in range(40):
            answer = of.queue.post()
            assert (answer.status_code, answer.json()["code"]) == (503, "server_busy")
            waits.append(int(answer.headers["Retry-After"]))

    assert len(queries) == 0
    assert min(waits) >= 2
    # Each has its own turn: forty at four a second come over ten seconds.
    assert waits == sorted(waits)
    assert all(waits.count(second) <= 5 for second in waits)
    assert 10 <= waits[-1] <= 13


@pytest.mark.usefixtures("full")
def test_nobody_is_told_to_stay_away_for_more_than_half_a_minute(settings: Settings) -> None:
    settings.SYNC_PULLS_PER_S = 0.5
    of = crew()

    waits = [int(of.queue.post().headers["Retry-After"]) for _ in range(60)]

    assert max(waits) <= 30
    assert len(set(waits)) > 10


@pytest.mark.usefixtures("full")
def test_what_carries_actions_has_room() -> None:
    of = crew()
    call = of.held().call_id

    answer = of.queue.send(of.queue.action("call.note", {"call": call, "text": "Seen"}))
    by_rest = of.queue.paired.client.post(
        "/api/actions/unit.duty/", {"id": str(uuid4()), "args": {"duty": "MEAL"}}, content_type="application/json"
    )

    assert answer["answers"][0]["status"] == "applied"
    assert by_rest.json()["status"] == "applied"


@pytest.mark.usefixtures("full")
def test_strange_requests_while_it_is_full_are_refused_like_any() -> None:
    assert Client().post("/api/sync", "{", content_type="application/json").status_code == 400
    assert Client().post("/api/sync", [1], content_type="application/json").status_code == 503
    assert Client().get("/api/sync").status_code in {401, 405, 503}


def fail(*_: object, **__: object) -> bytes:
    """
    Be a bug.
    """
    raise ZeroDivisionError


def test_places_are_given_back_whatever_the_answer_was(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SYNC_PULLS = 1
    of = crew()

    for body in [{}, {"protocol": 2}, {"who": 1}, {"streams": 7}]:
        for _ in range(3):
            assert of.queue.post(**body).status_code != 503
    assert Client().post("/api/sync", {"protocol": 1}, content_type="application/json").status_code == 401
    monkeypatch.setattr("tablets.sync.pull", fail)
    with pytest.raises(ZeroDivisionError):
        of.queue.post()
    monkeypatch.undo()
    assert of.queue.send()["streams"]


def test_there_are_never_more_at_once_than_places(settings: Settings) -> None:
    settings.SYNC_PULLS = 3
    inside = Barrier(8)

    def come(_: int) -> str:
        inside.wait()
        try:
            place = load.enter(lambda: False)
        except refusals.ServerBusy:
            return "busy"
        finally:
            inside.wait()
        load.leave(place)
        return "in"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(come, range(8)))

    assert sorted(outcomes) == ["busy"] * 5 + ["in"] * 3
