"""
Addresses as they are compared, and what happened at one before.
"""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.gis.geos import Point
from django.db import connection

from dispatch import premises
from dispatch.models import Call
from journal.door import open_door
from tests.conftest import NOON
from tests.factories import dispatch, responders
from tests.factories import intake as factory
from tests.replica import bodies


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("2nd Ave & Pike St", "2 AV & PIKE ST"),
        ("PIKE ST / 2 AV", "2 AV & PIKE ST"),
        ("Pike Street and 2nd Avenue", "2 AV & PIKE ST"),
        ("S KING ST / 8 AV S", "8 AV S & S KING ST"),
        ("92XX BLOCK OF RAINIER AV S", "92XX BLOCK OF RAINIER AV S"),
        ("  400   Yesler  Way,  #5 ", "400 YESLER WAY APT 5"),
        ("400 Yesler Way Apt. #5", "400 YESLER WAY APT 5"),
        ("400 Yesler Way Apartment 5", "400 YESLER WAY APT 5"),
        ("1420 N.E. 45th Street", "1420 NE 45 ST"),
        ("1420 Northeast 45th St", "1420 NE 45 ST"),
        ("\uff30\uff29\uff2b\uff25 \uff33\uff34", "PIKE ST"),
        ("?!,/", ""),
        ("", ""),
        ("REDACTED", ""),
        ("Redacted, beat K3", ""),
        ("x" * 300, "X" * 200),
    ],
)
def test_an_address_is_compared_as(address: str, key: str) -> None:
    assert premises.address_key(address) == key


@pytest.mark.parametrize(
    ("phone", "key"),
    [
        ("(206) 555-0100", "2065550100"),
        ("+1 206 555 0100", "2065550100"),
        ("1-206-555-0100", "2065550100"),
        ("206.555.0100", "2065550100"),
        ("+44 20 7946 0000", "+442079460000"),
        ("911", "911"),
        ("", ""),
        ("none", ""),
    ],
)
def test_a_phone_is_compared_as(phone: str, key: str) -> None:
    assert premises.phone_key(phone) == key
    assert premises.phone_key(key) == key


@pytest.mark.django_db
def test_earlier_calls_at_the_address_and_those_nearby_are_kept_apart() -> None:
    desk = factory.desk()
    here: dict[str, Any] = {"address_key": "400 YESLER WAY", "address": "400 YESLER WAY"}

    def past(number: str, days: int, **fields: Any) -> Call:
        return dispatch.call(
            desk.agency,
            number=number,
            received_at=NOON - timedelta(days=days),
            status="CLOSED",
            closed_at=NOON - timedelta(days=days),
            disposition="HANDLED",
            **fields,
        )

    north_20_m = Point(dispatch.POINT.x, dispatch.POINT.y + 0.00018, srid=4326)
    north_40_m = Point(dispatch.POINT.x, dispatch.POINT.y + 0.00036, srid=4326)
    past("old", 30, **here)
    past("new", 2, **here)
    past("near", 3, point=north_20_m)
    past("far", 3, point=north_40_m)
    past("nowhere", 3, point=None)
    past("tomorrow", -1, **here)
    dispatch.call(responders.agency(), number="foreign", received_at=NOON - timedelta(days=1), **here)
    call = dispatch.call(desk.agency, number="this", received_at=NOON, **here)

    with open_door(by="system:test", at=NOON):
        locked = Call.objects.lock(call.pk)
        premises.copy_premise(call=locked, at=NOON)

    call.refresh_from_db()
    assert call.premise_as_of == NOON
    assert call.premise is not None
    assert [fact["number"] for fact in call.premise["here"]] == ["new", "old"]
    assert [fact["number"] for fact in call.premise["nearby"]] == ["near"]
    assert call.premise["here"][0]["at"] == "2026-06-01T19:00:00Z"
    assert set(call.premise["here"][0]) == {"number", "type", "at", "disposition"}
    assert set(call.premise["nearby"][0]) == {"number", "type", "at", "disposition", "address"}


@pytest.mark.django_db
def test_calls_whose_address_was_withheld_are_not_one_place() -> None:
    desk = factory.desk()
    dispatch.call(desk.agency, address="REDACTED", address_key="", point=None, received_at=NOON - timedelta(days=1))

    assert premises.history(agency_id=desk.agency.pk, key="", point=None, nearby_m=25, at=NOON) == {
        "here": [],
        "nearby": [],
    }


@pytest.mark.django_db
def test_a_unit_gets_the_history_with_its_call() -> None:
    desk = factory.desk()
    call = dispatch.care_call(desk)

    dispatch.assignment(desk, to=call)

    assert bodies(f"unit.{desk.unit.pk}", "premise")[str(call.pk)]["as_of"] == "2026-06-03T19:00:00Z"


@pytest.mark.django_db
def test_history_uses_its_indexes_among_many_calls() -> None:
    desk = factory.desk()
    kind = dispatch.call_type(desk.agency)
    with open_door(by="system:test", at=NOON):
        Call.objects.bulk_create(
            Call(
                agency=desk.agency,
                number=f"p{index}",
                source="911",
                type=kind,
                priority=3,
                status="CLOSED",
                closed_at=NOON,
                queue="POLICE",
                response="POLICE",
                address=f"{index % 500} PINE ST",
                address_key=f"{index % 500} PINE ST",
                point=Point(-122.4 + (index % 200) * 0.001, 47.5 + (index // 200) * 0.01, srid=4326),
                received_at=NOON - timedelta(minutes=index),
            )
            for index in range(5000)
        )
    there = Point(-122.393, 47.5, srid=4326)
    params = premises._params(
        agency_id=desk.agency.pk, key="7 PINE ST", point=there, nearby_m=25, at=NOON, call_id=None
    )
    plans = []
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE dispatch_call")
        for statement in (premises._HERE, premises._NEARBY):
            cursor.execute(f"EXPLAIN {statement}", params)
            plans.append("\n".join(row[0] for row in cursor.fetchall()))

    assert "dispatch_call_by_address" in plans[0]
    assert "dispatch_call_point" in plans[1]
    assert not any("Seq Scan on dispatch_call" in plan for plan in plans), plans
    found = premises.history(agency_id=desk.agency.pk, key="7 PINE ST", point=None, nearby_m=25, at=NOON)
    assert [fact["number"] for fact in found["here"]] == [f"p{7 + 500 * index}" for index in range(10)]
