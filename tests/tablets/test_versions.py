"""
What was ever shipped is understood for ever: every kind at every version, and every schema of documents.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from journal import schema
from journal.kinds import Kind, kinds
from journal.refusals import InvalidArgs, UnknownVersion
from tests.tablets.queues import crew

# Only ever grows: an entry that was in a release stays. A new version of a kind adds its own.
SHIPPED: list[dict[str, Any]] = json.loads(
    (Path(settings.BASE_DIR) / "tests" / "vectors" / "shipped_kinds.json").read_text()
)


def test_every_kind_at_its_version_is_on_the_list() -> None:
    listed = {(entry["kind"], entry["v"]) for entry in SHIPPED}

    assert {(kind.name, kind.version) for kind in kinds().values()} <= listed
    # Nobody jumps over a version, and none is taken from the list.
    for name in {entry["kind"] for entry in SHIPPED}:
        assert {v for kind, v in listed if kind == name} == set(range(1, kinds()[name].version + 1)), name


@pytest.mark.django_db
@pytest.mark.parametrize("entry", SHIPPED, ids=lambda entry: f"{entry['kind']}@{entry['v']}")
def test_what_was_shipped_is_understood(entry: dict[str, Any]) -> None:
    kind = kinds()[entry["kind"]]

    args = kind.upcast(entry["args"], version=entry["v"])

    assert isinstance(kind.read(args), dict)


def test_each_kind_has_an_upcaster_from_every_version_before_its_own() -> None:
    for kind in kinds().values():
        assert set(kind.upcasters) == set(range(1, kind.version)), kind.name


def later(kind: Kind) -> Kind:
    """
    Return a kind two versions on: once `note` was called `text`, and before that `words`.
    """

    def words_to_text(args: dict[str, Any]) -> dict[str, Any]:
        return {**{name: value for name, value in args.items() if name != "words"}, "text": args["words"]}

    def unchanged(args: dict[str, Any]) -> dict[str, Any]:
        return args

    return replace(kind, version=3, upcasters={1: words_to_text, 2: unchanged})


def test_arguments_climb_from_version_to_version() -> None:
    kind = later(kinds()["call.note"])

    assert kind.upcast({"call": 7, "words": "Seen"}, version=1) == {"call": 7, "text": "Seen"}
    assert kind.upcast({"call": 7, "text": "Seen"}, version=3) == {"call": 7, "text": "Seen"}
    with pytest.raises(UnknownVersion):
        kind.upcast({}, version=4)
    with pytest.raises(InvalidArgs):
        kind.read({"call": 7, "words": "Seen"})


@pytest.mark.django_db
def test_a_tablet_that_was_never_updated_goes_on_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    of = crew()
    call = of.held().call_id
    monkeypatch.setitem(kinds(), "call.note", later(kinds()["call.note"]))

    answers = of.queue.send(
        of.queue.action("call.note", {"call": call, "words": "First"}, v=1),
        of.queue.action("call.note", {"call": call, "text": "Third"}, v=3),
        of.queue.action("call.note", {"call": call, "text": "Fourth"}, v=4),
        of.queue.action("call.note", {"call": call, "text": "No words"}, v=1),
    )["answers"]

    assert [(one["status"], one.get("code")) for one in answers] == [
        ("applied", None),
        ("applied", None),
        ("quarantined", "unknown_version"),
        ("quarantined", "invalid_args"),
    ]


@pytest.mark.django_db
def test_a_newer_app_takes_the_streams_anew_whose_collections_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    of = crew()
    held = held_after(of.queue.send()["streams"])
    changes: Mapping[int, frozenset[str]] = {2: frozenset({"unit"}), 3: frozenset({"attachment"})}
    monkeypatch.setattr(schema, "SCHEMA_CHANGES", changes)
    monkeypatch.setattr("tablets.sync.SCHEMA", 3)

    told = of.queue.send(streams=held, schema=3)
    # The answer was lost: it is said again. Then the tablet has forgotten them, and the order is done.
    again = of.queue.send(streams=held, schema=3)
    kept = {name: value for name, value in held.items() if name not in {gone["stream"] for gone in told["dropped"]}}
    fresh = of.queue.send(streams=kept, schema=3)

    own = {f"unit.{of.scene.unit.pk}", f"area.{of.scene.area.pk}"}
    assert {gone["stream"] for gone in told["dropped"]} == own
    assert {gone["why"] for gone in told["dropped"]} == {"schema"}
    assert told["resync"]
    assert told["next_poll_s"] == 1
    assert own.isdisjoint(told["streams"])
    assert again["dropped"] == told["dropped"]
    assert (fresh["dropped"], fresh["resync"]) == ([], False)
    assert all(fresh["streams"][name]["documents"] for name in own)
    assert of.queue.send(streams=held_after(fresh["streams"]), schema=3)["dropped"] == []


def held_after(streams: dict[str, Any]) -> dict[str, Any]:
    """
    Return what a tablet says that it holds after an answer.
    """
    return {
        name: {"number": given["number"], "floor": given["floor"], "digest": given["digest"], "count": given["count"]}
        for name, given in streams.items()
    }
