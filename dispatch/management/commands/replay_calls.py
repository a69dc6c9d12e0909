"""
Replay a day of open data through the CAD's own door.
"""

import csv
import http.client
import io
import os
import re
import ssl
import time
from argparse import ArgumentTypeError
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from datetime import time as clock
from pathlib import Path
from threading import Lock, local
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from dispatch import replay, synthetic
from dispatch.models import CadRevision, Call

REAL_DAY = Path("seattle_calls") / "spd_911_incident_response_2016-03-25.csv"
# The day that never happened, where the real one is not at hand: a Wednesday.
SYNTHETIC_DAY = date(2026, 6, 3)
DEMO_SPEED, DEMO_START = 10.0, clock(11, 30)
_HEARTBEAT_S = 10.0
_TIMEOUT_S = 10.0
_OK, _TOO_MANY, _SERVER_ERROR = 300, 429, 500
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_TAG = re.compile(r"-[0-9a-z]{4}$")


@dataclass(slots=True)
class Tally:
    """
    What the site answered.
    """

    sent: int = 0
    applied: int = 0
    stored: int = 0
    replayed: int = 0
    retried: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    refused_calls: dict[str, str] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)


class Command(BaseCommand):
    """
    ``manage.py replay_calls FILE --speed N [--origin URL] [--key KEY]``
    """

    help = (
        "Read Seattle's open data (911 incident response of 2016, or today's Call Data: told by its columns) and send it "
        "to the CAD endpoint at N times real time, shifted so that the day starts now. The columns of 2016 do not say when a "
        "call was received: it is taken as the latest moment that the order of the numbers allows."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """
        Declare the options.
        """
        parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a CSV file of either shape")
        parser.add_argument(
            "--speed",
            type=float,
            help=f"times real time (default: 1, in the demo {DEMO_SPEED:g}); 0 is as fast as the site takes it",
        )
        parser.add_argument("--origin", help="of the site (default: $CAD_ORIGIN, then $PUBLIC_ORIGIN)")
        parser.add_argument("--key", help="API key (default: $CAD_KEY, then .local/demo-cad-key in demo mode)")
        parser.add_argument("--limit", type=int, metavar="N", help="the first N calls only")
        parser.add_argument("--start", type=_clock, metavar="HH:MM", help="begin at this hour of the day")
        parser.add_argument("--loop", action="store_true", help="begin again when the day is over")
        parser.add_argument("--tag", default="", help="added to each number, so that a day can be sent again as new")
        parser.add_argument("--connections", type=int, default=4, help="at once, at full speed (default: %(default)s)")
        parser.add_argument(
            "--demo",
            action="store_true",
            help="the real day if it is at hand, else a synthetic one; answers for real calls are the demo's own",
        )

    def handle(self, *, file: Path | None, **options: Any) -> None:
        """
        Read, send, and say what was refused and why.

        :raises CommandError: nothing to read, nowhere to send it, or no key.
        """
        demo = bool(options["demo"])
        reading = self._read(file, demo=demo)
        if not reading.calls:
            raise CommandError("No row of this file can be used.")
        speed = options["speed"] if options["speed"] is not None else DEMO_SPEED if demo else 1.0
        start = options["start"] or (DEMO_START if demo else None)
        site = Site(_origin(options["origin"]), _key(options["key"], demo=demo))
        if demo:
            self._close_leftovers(site)
        try:
            while True:
                tag = options["tag"] or (_run_tag() if demo or options["loop"] else "")
                plan = Plan(reading, demo=demo, tag=tag, limit=options["limit"], start=start, speed=speed)
                tally = self._send(site, plan, connections=options["connections"])
                self._report(reading, plan, tally)
                if not options["loop"] and not demo:
                    break
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")

    def _read(self, file: Path | None, *, demo: bool) -> replay.Reading:
        if file is None:
            if not demo:
                raise CommandError("Name a FILE to replay, or say --demo.")
            return read_day()
        try:
            with file.open(encoding="utf-8-sig", newline="") as lines:
                return replay.read(lines)
        except (OSError, UnicodeDecodeError, replay.UnknownShape) as error:
            raise CommandError(f"{file}: {error}") from error

    def _send(self, site: "Site", plan: "Plan", *, connections: int) -> Tally:
        tally = Tally()
        site.wait_until_up()
        began = time.monotonic()
        with tqdm(total=len(plan.revisions), unit="revision", smoothing=0.05) as bar:
            if plan.speed == 0:
                with ThreadPoolExecutor(connections) as pool:
                    for _ in pool.map(lambda one: site.post(plan.body(one), tally), plan.revisions):
                        bar.update()
            else:
                for revision in plan.revisions:
                    due = began + plan.wait_s(revision)
                    while (left := due - time.monotonic()) > 0:
                        time.sleep(min(left, _HEARTBEAT_S))
                        if left > _HEARTBEAT_S:
                            site.heartbeat()
                    site.post(plan.body(revision), tally)
                    bar.update()
        took = time.monotonic() - began
        self.stdout.write(
            f"{tally.sent} revisions of {plan.calls} calls in {took:.1f} s ({tally.sent / max(took, 0.001):.0f}/s): "
            f"{tally.applied} applied, {tally.stored} older than known, {tally.replayed} known already, "
            f"{tally.retried} sent again."
        )
        return tally

    def _report(self, reading: replay.Reading, plan: "Plan", tally: Tally) -> None:
        write = self.stdout.write
        kind = "synthetic" if reading.synthetic else "real"
        write(f"{reading.shape}, {kind}: {reading.rows} rows, {len(reading.calls)} calls.")
        if reading.same_call:
            write(f"  {reading.same_call} rows were further units of a call that was there already.")
        if reading.no_point:
            write(
                f"  {reading.no_point} calls have no coordinates (REDACTED or not known): they are in no service area."
            )
        if plan.screened:
            write(f"  The data holds no screening: answers of {plan.screened} calls are the demo's own.")
        for why, count in reading.refused.most_common():
            write(f"  {count} rows refused: {why}.")
        for why, count in tally.refused.most_common():
            numbers = [number for number, reason in tally.refused_calls.items() if reason == why]
            write(f"  {count} revisions refused by the site: {why} (call {', '.join(numbers[:3])} …).")
        if not reading.refused and not tally.refused:
            write("  No row was refused.")

    def _close_leftovers(self, site: "Site") -> None:
        """
        Close what an earlier run of the demo left open when it was stopped: nobody would ever come for it.
        """
        tally, now = Tally(), datetime.now(UTC)
        for call in Call.objects.open().filter(cad_revision__isnull=False, cad_closed_at=None):
            if not _TAG.search(call.number):
                continue
            last = CadRevision.objects.filter(agency=call.agency_id, number=call.number).latest("revision")
            body = {name: value for name, value in last.payload.items() if value is not None}
            body |= {"status": "CLOSED", "revision": last.revision + 1, "cad_at": now.isoformat(), "police_units": []}
            if tally.sent == 0:
                site.wait_until_up()
            site.post(body, tally)
        if tally.sent:
            self.stdout.write(f"Closed {tally.sent} calls that an earlier run had left open.")


def read_day() -> replay.Reading:
    """
    Return the real day if it is at hand, else the synthetic one.
    """
    real = Path(settings.DATA_DIR) / REAL_DAY
    if not real.is_file():
        return replay.read(_csv(synthetic.rows(SYNTHETIC_DAY)))
    with real.open(encoding="utf-8-sig", newline="") as lines:
        return replay.read(lines)


class Plan:
    """
    Which revisions go out, in which order, and what the time of each is on today's clock.
    """

    def __init__(
        self,
        reading: replay.Reading,
        *,
        demo: bool,
        tag: str,
        limit: int | None,
        start: clock | None,
        speed: float,
    ) -> None:
        calls: Sequence[replay.PastCall] = reading.calls[:limit] if limit else reading.calls
        begins_at = reading.begins_at()
        if start is not None:
            begins_at = begins_at.replace(hour=start.hour, minute=start.minute)
        self.speed = speed
        self.calls = 0
        self.screened = 0
        self._tag = tag
        self._received = {call.number: call.received_at for call in calls}
        self.revisions: list[replay.Revision] = []
        for call in calls:
            if start is not None and call.closed_at is not None and call.closed_at <= begins_at:
                continue
            self.calls += 1
            screening = None
            if demo and not reading.synthetic:
                screening = replay.demo_screening(call)
                self.screened += 1
            self.revisions += replay.revisions_of(call, screening=screening)
        self.revisions.sort(key=lambda one: one.due_at)
        self._zero = begins_at
        self._now = datetime.now(UTC)
        if speed == 0 and self.revisions:
            # All at once: the day ends now, so that nothing of it lies in the future.
            self._zero = self.revisions[-1].due_at

    def wait_s(self, revision: replay.Revision) -> float:
        """
        Return how many seconds after the beginning a revision goes out; what was open by then goes first.
        """
        return max(0.0, (revision.due_at - self._zero).total_seconds() / self.speed)

    def body(self, revision: replay.Revision) -> dict[str, Any]:
        """
        Return a revision as it is sent: its times moved to today, as fast as the replay runs.
        """
        body = dict(revision.body)
        body["received_at"] = self._today(self._received[body["number"]])
        body["cad_at"] = self._today(revision.due_at)
        if self._tag:
            body["number"] = f"{body['number']}-{self._tag}"
        return body

    def _today(self, moment: datetime) -> str:
        return (self._now + (moment - self._zero) / (self.speed or 1.0)).isoformat()


class Site:
    """
    The CAD's side of the line: one connection a thread, everything sent until it is answered.
    """

    def __init__(self, origin: str, key: str) -> None:
        self._url = urlsplit(origin)
        if self._url.scheme not in {"http", "https"} or not self._url.hostname:
            raise CommandError(f"{origin} is no origin: it looks like https://care.example.org")
        self._headers = {"Authorization": f"CAD {key}", "Content-Type": "application/json"}
        self._mine = local()

    def wait_until_up(self, *, patience_s: float = 120.0) -> None:
        """
        Wait until the site answers a heartbeat.

        :raises CommandError: it does not, or it does not know the key.
        """
        until = time.monotonic() + patience_s
        while True:
            status, body = self._ask("POST", "/api/cad/heartbeat/", b"")
            if 0 < status < _OK or status == _TOO_MANY:
                return
            if status in {401, 403}:
                raise CommandError("The site does not know this key.")
            if time.monotonic() > until:
                raise CommandError(f"The site does not answer ({status or 'no connection'}): {body!r}")
            time.sleep(0.5)

    def heartbeat(self) -> None:
        """
        Say that CAD is there; a lost one does not matter.
        """
        self._ask("POST", "/api/cad/heartbeat/", b"")

    def post(self, body: Mapping[str, Any], tally: Tally) -> None:
        """
        Send one revision until it is answered, and count the answer.
        """
        data = orjson.dumps(body)
        pause = 0.2
        while True:
            status, answer = self._ask("POST", "/api/cad/calls/", data)
            if 0 < status < _SERVER_ERROR and status != _TOO_MANY:
                break
            with tally.lock:
                tally.retried += 1
            time.sleep(pause)
            pause = min(pause * 2, 5.0)
        with tally.lock:
            tally.sent += 1
            if status < _OK:
                tally.replayed += bool(answer.get("replayed"))
                tally.applied += answer.get("status") == "applied" and not answer.get("replayed")
                tally.stored += answer.get("status") == "stored" and not answer.get("replayed")
            else:
                why = _why(answer)
                tally.refused[why] += 1
                tally.refused_calls[str(body["number"])] = why

    def _ask(self, method: str, path: str, data: bytes) -> tuple[int, dict[str, Any]]:
        try:
            connection = self._connection()
            connection.request(method, path, body=data, headers=self._headers)
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            self._mine.connection = None
            return 0, {}
        try:
            found = orjson.loads(text) if text else {}
        except orjson.JSONDecodeError:
            found = {}
        return response.status, found if isinstance(found, dict) else {}

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._mine, "connection", None)
        if connection is None:
            host, port = str(self._url.hostname), self._url.port
            if self._url.scheme == "https":
                context = ssl.create_default_context()
                connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)
            else:
                connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
            self._mine.connection = connection
        return connection


def _why(answer: Mapping[str, Any]) -> str:
    fields = (answer.get("facts") or {}).get("fields") or {}
    named = [
        f"{name}: {problem['code']}"
        for name, problems in sorted(fields.items())
        if isinstance(problems, list)
        for problem in problems
        if isinstance(problem, dict) and "code" in problem
    ]
    return ", ".join(named) or str(answer.get("code") or "refused")


def _csv(rows: Iterator[Mapping[str, str]]) -> Iterator[str]:
    text = io.StringIO()
    writer = csv.DictWriter(text, synthetic.COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    yield from io.StringIO(text.getvalue())


def _origin(given: str | None) -> str:
    return given or os.environ.get("CAD_ORIGIN") or settings.PUBLIC_ORIGIN


def _key(given: str | None, *, demo: bool) -> str:
    if key := given or os.environ.get("CAD_KEY"):
        return key
    kept = Path(settings.BASE_DIR) / ".local" / "demo-cad-key"
    if demo and kept.is_file():
        return kept.read_text(encoding="utf-8").strip()
    raise CommandError(
        "Give the CAD's API key with --key or in $CAD_KEY. An administrator makes one in the admin site."
    )


def _run_tag() -> str:
    # Minutes since 1970, in four letters: two runs of the demo never share their numbers within three years.
    minutes = int(time.time() // 60) % len(_ALPHABET) ** 4
    letters = ""
    for _ in range(4):
        minutes, rest = divmod(minutes, len(_ALPHABET))
        letters = _ALPHABET[rest] + letters
    return letters


def _clock(text: str) -> clock:
    try:
        return clock.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text} is no time of day like 11:30") from None
