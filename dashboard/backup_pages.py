"""
The page of requests for backup: the review, the drills, and the export of both.
"""

import csv
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from typing import Any, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from dashboard import backup as requests
from dispatch.asking import address, common, number, signed_in
from dispatch.models import BackupEvent, BackupPress
from journal.refusals import NotFound
from responders.models import Agency, Unit

_SHOWS: Final = ("", "real", "drills")
_AT_ONCE: Final = 200
_COLUMNS: Final = (
    "key", "unit", "drill", "silent", "level", "service", "origin", "pressed_at", "received_at", "at",
    "seconds_after_received", "kind", "step", "by", "data",
)  # fmt: skip
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@require_safe
@ensure_csrf_cookie
def backup(request: HttpRequest) -> HttpResponse:
    """
    Show the requests for backup of a month, each with its timeline, and which units have drilled.
    """
    actor, now, given = signed_in(request), timezone.now(), request.GET
    first, after, show = _asked(request, now)
    page = number(given, "page") or 1
    rows = requests.presses(actor.agency_id, since=first, until=after, show=show)
    start = requests.PER_PAGE * (page - 1)
    found = list(rows[start : start + requests.PER_PAGE + 1])
    before, next_month = first - timedelta(days=1), after
    return render(
        request,
        "dashboard/backup.html",
        {
            **common(actor, now),
            "month": requests.month(actor.agency_id, since=first, until=after),
            "first": first,
            "rows": requests.reviewed(actor.agency_id, found[: requests.PER_PAGE]),
            "show": show,
            "shows": [("", "All"), ("real", "Real"), ("drills", "Drills")],
            "month_text": f"{first:%Y-%m}",
            "earlier": address(given, month=f"{before:%Y-%m}", page=""),
            "later": address(given, month=f"{next_month:%Y-%m}", page="") if next_month <= now else "",
            "more": address(given, page=str(page + 1)) if len(found) > requests.PER_PAGE else "",
            "newer": address(given, page=str(page - 1)) if page > 1 else "",
            "on_duty": Unit.objects.filter(agency=actor.agency_id, outside=False, retired_at=None).order_by(
                "call_sign"
            ),
        },
    )


@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    """
    Return the requests of a month with everything that happened to them, as CSV (a row for each event) or JSON.
    """
    actor, now, wanted = signed_in(request), timezone.now(), request.GET.get("format", "")
    first, after, show = _asked(request, now)
    rows = requests.presses(actor.agency_id, since=first, until=after, show=show)
    writers = {"csv": (_csv, "text/csv; charset=utf-8"), "json": (_json, "application/json")}
    if wanted not in writers:
        raise NotFound
    write, content_type = writers[wanted]
    response = StreamingHttpResponse(write(actor.agency_id, list(rows)), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="backup-{first:%Y-%m}.{wanted}"'
    return response


def _asked(request: HttpRequest, now: datetime) -> tuple[datetime, datetime, str]:
    given = request.GET
    show = given.get("show", "")
    if show not in _SHOWS:
        raise NotFound
    agency = Agency.objects.get(pk=signed_in(request).agency_id)
    try:
        return *requests.agency_month(agency, given.get("month", ""), at=now), show
    except ValueError:
        raise NotFound from None


def _whole(agency_id: int, presses: list[BackupPress]) -> Iterator[dict[str, Any]]:
    for start in range(0, len(presses), _AT_ONCE):
        part = presses[start : start + _AT_ONCE]
        told: dict[Any, list[BackupEvent]] = {press.key: [] for press in part}
        for event in BackupEvent.objects.filter(press__in=list(told)).order_by("pk"):
            told[event.press].append(event)
        for row in requests.reviewed(agency_id, part):
            yield requests.as_json(row, told[row.press.key])


def _json(agency_id: int, presses: list[BackupPress]) -> Iterator[str]:
    yield "["
    for at, row in enumerate(_whole(agency_id, presses)):
        yield (",\n" if at else "\n") + json.dumps(row, cls=DjangoJSONEncoder)
    yield "\n]\n"


def _csv(agency_id: int, presses: list[BackupPress]) -> Iterator[str]:
    yield _line(_COLUMNS)
    for row in _whole(agency_id, presses):
        about = [row[name] for name in _COLUMNS[:9]]
        yield _line([*about, row["received_at"], 0, "RECEIVED", "", row["via"], ""])
        for event in row["timeline"]:
            after = (event["at"] - row["received_at"]).total_seconds()
            data = json.dumps(event["data"], cls=DjangoJSONEncoder) if event["data"] else ""
            yield _line([*about, event["at"], after, event["kind"], event["step"], event["by"], data])


def _line(cells: Any) -> str:
    text = StringIO()
    csv.writer(text).writerow([_cell(cell) for cell in cells])
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value
