"""
What a supervisor does with what tablets sent and we could not do: try it again, or close it with a reason.

The tablet has its answer, the ticket, and gets it for ever: a retry has an effect of its own and never another answer.
"""

import logging
from datetime import datetime
from traceback import format_tb
from typing import Any

import orjson
from django.db import OperationalError, transaction

from journal.door import current_door
from journal.record import record
from journal.refusals import Refusal
from journal.sealing import SealBroken, is_sealed
from responders.actors import Actor
from tablets import lanes, refusals
from tablets.exchange import read_envelope
from tablets.models import Installation, Quarantined, QuarantineState
from tablets.seals import open_kept

_log = logging.getLogger(__name__)


def retry(*, ticket: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> Quarantined:
    """
    Do what was kept, as whoever was signed on then, after whatever stood in its way was mended.

    Where it still cannot be done, or a rule says no, that is kept as the result and the ticket stays open.

    :raises QuarantineNotFound: there is no such ticket, or it is another agency's.
    :raises QuarantineClosed: it was done or closed before.
    """
    row = _lock_open(ticket, by)
    row.retries += 1
    row.retried_at = at
    row.result = _kept_of(_run(row, at=at), sealed=is_sealed(row.raw))
    if row.result["status"] == "applied":
        row.state, row.closed_at, row.closed_by = QuarantineState.RETRIED, at, str(by)
    row.save()
    _record("quarantine.retried", row, {"status": row.result["status"], "code": row.result.get("code")}, by=by, at=at)
    return row


def close(*, ticket: int, reason: str, by: Actor, at: datetime, happened_at: datetime | None = None) -> Quarantined:
    """
    Close what nobody is going to do any more, and say why.

    :raises QuarantineNotFound: there is no such ticket, or it is another agency's.
    :raises QuarantineClosed: it was done or closed before.
    """
    row = _lock_open(ticket, by)
    row.state, row.closed_at, row.closed_by, row.reason = QuarantineState.CLOSED, at, str(by), reason
    row.save(update_fields=["state", "closed_at", "closed_by", "reason"])
    _record("quarantine.closed", row, {}, by=by, at=at)
    return row


def _run(row: Quarantined, *, at: datetime) -> dict[str, Any]:
    lane = Installation.objects.filter(pk=row.installation).values_list("moved_from_id", flat=True).first()
    then = lanes.Then(
        agency_id=row.agency_id,
        tablet_id=row.tablet_id,
        unit_id=row.tablet.unit_id,
        happened_at=row.happened_at or row.received_at,
        at=at,
        moved_from_id=lane,
    )
    entries = current_door().entries
    before = len(entries)
    try:
        with transaction.atomic():
            raw, _ = open_kept(row)
            body = lanes.run_as_then(read_envelope(row.seq, raw), then)
            return {"status": "applied", "answer": orjson.loads(orjson.dumps(body, default=str))}
    except SealBroken:
        result = {"status": "quarantined", **refusals.CannotUnseal().as_dict()}
    except refusals.NotUnderstood as refusal:
        result = {"status": "quarantined", **refusal.why.as_dict()}
    except Refusal as refusal:
        result = {"status": "refused", **refusal.as_dict()}
    except OperationalError:
        # The transaction is over, or the database is: the supervisor presses again.
        raise
    except Exception as error:  # noqa: BLE001  the fault that put it here may still be there
        where = "".join(format_tb(error.__traceback__))
        _log.error("retry of %s failed: %s\n%s", row.ticket, type(error).__name__, where)
        result = {"status": "quarantined", **refusals.ServerFault().as_dict()}
    # What was to be recorded of it was undone with it.
    del entries[before:]
    return dict(orjson.loads(orjson.dumps(result, default=str)))


def _kept_of(result: dict[str, Any], *, sealed: bool) -> dict[str, Any]:
    """
    Return what is kept of a result, and told to the supervisor: of what is sealed neither words nor values.
    """
    if not sealed:
        return result
    flags = result.get("answer", {}).get("flags")
    kept = {name: result[name] for name in ("status", "code", "message") if name in result}
    return kept | ({"answer": {"flags": flags}} if flags else {})


def _lock_open(ticket: int, by: Actor) -> Quarantined:
    row = (
        Quarantined.objects.select_for_update(no_key=True, of=("self",))
        .select_related("tablet")
        .filter(pk=ticket, agency=by.agency_id)
        .first()
    )
    if row is None:
        raise refusals.QuarantineNotFound(ticket=ticket)
    if row.state != QuarantineState.OPEN:
        raise refusals.QuarantineClosed(state=row.state, at=row.closed_at)
    return row


def _record(kind: str, row: Quarantined, more: dict[str, Any], *, by: Actor, at: datetime) -> None:
    data = {"ticket": row.pk, "tablet": row.tablet_id, "kind": row.kind, "action_id": str(row.action_id), **more}
    record(kind, agency_id=row.agency_id, about=f"tablet.{row.tablet_id}", data=data, by=by, at=at)
