"""
docs/tablet-protocol.md says of the exchange what the code does: limits, keys, codes.
"""

from pathlib import Path

import pytest
from django.conf import settings

from journal.refusals import ActionIdReused, AnswerLost, InvalidArgs, Refusal, UnknownKind, UnknownVersion
from tablets import epochs, exchange, lanes, refusals, serializers

PAGE = (Path(settings.BASE_DIR) / "docs" / "tablet-protocol.md").read_text()


@pytest.mark.parametrize("key", sorted(exchange._KEYS | exchange._ENVELOPE_KEYS | exchange._SEALED_KEYS))
def test_every_key_of_a_request_is_on_the_page(key: str) -> None:
    assert f'"{key}"' in PAGE


def test_the_schema_of_the_api_names_the_same_keys() -> None:
    assert set(serializers.Exchange().fields) == exchange._KEYS
    assert set(serializers.Envelope().fields) == exchange._ENVELOPE_KEYS


@pytest.mark.parametrize(
    "refusal",
    [
        ActionIdReused,
        AnswerLost,
        InvalidArgs,
        UnknownKind,
        UnknownVersion,
        refusals.CannotUnseal,
        refusals.DependsRefused,
        refusals.InstallationElsewhere,
        refusals.InvalidEnvelope,
        refusals.NotSignedOn,
        refusals.NotSignedOnThen,
        refusals.ProtocolUnknown,
        refusals.PurgeOrdered,
        refusals.ServerBusy,
        refusals.ServerFault,
        refusals.TabletRevoked,
        refusals.TabletUnknown,
        refusals.TooManyActions,
    ],
)
def test_every_code_of_the_exchange_is_on_the_page(refusal: type[Refusal]) -> None:
    assert f"`{refusal.code}`" in PAGE


def test_the_page_tells_the_limits_of_the_code() -> None:
    assert f"or {exchange.MOST_ACTIONS} actions" in PAGE
    assert f"At most {lanes.BUDGET_SECONDS:.0f} seconds are spent on" in PAGE
    assert f"more than {lanes.CLOCK_TOLERANCE.total_seconds():.0f} seconds" in PAGE
    assert "give or take a minute" in PAGE
    assert lanes.SIGN_ON_SLACK.total_seconds() == 60
    assert "tried three times" in PAGE
    assert lanes.TRIES == 3
    assert "skips a million of each" in PAGE
    assert epochs.IDS_SKIPPED == 1_000_000
