"""
A run: the site, the crews, the desk and everything that befalls them; then the tables, read after one last kill.
"""

import asyncio
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import psycopg

from deploy.local.places import VENV
from tablets.times import instant
from tests.backup_chaos.desk import Desk
from tests.backup_chaos.ledger import Event, Row, Span, Tables, Told, Verdict, check
from tests.backup_chaos.network import Network
from tests.backup_chaos.script import Fault, Script
from tests.backup_chaos.site import Site
from tests.backup_chaos.tablets import Crews

_MOST_AT_ONCE = 2
# After the last fault everybody has this long to be told, and the desk to be done.
_SETTLED_WITHIN_S = 150.0
_LAG_EVERY_S = 0.25


@dataclass
class Outcome:
    """
    What a run came to.
    """

    verdict: Verdict
    told: Told
    tables: Tables
    outages: list[Span]
    down: dict[str, list[Span]]
    befell: list[str] = field(default_factory=list)
    fates: dict[str, int] = field(default_factory=dict)
    # How late the crews, the desk and the network themselves were, all in one loop: what the machine had no time for.
    own_lags: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def report(self) -> str:
        """
        Return the figures of the run, in lines.
        """
        presses = list(self.told.presses.values())
        roots = [row for row in self.tables.rows if row.again_of is None]
        answers = sum(len(pressed.answers) for pressed in presses)
        waits = [p.received.at - p.sent_at for p in presses if p.received is not None]
        shown = [
            at - self.told.presses[key].sent_at for key, at in self.told.shown.items() if key in self.told.presses
        ]
        by_row = {row.key: row.received_at for row in self.tables.rows}
        kept = [by_row[p.key] - p.sent_at for p in presses if p.key in by_row]
        since = [at - by_row[key] for key, at in self.told.shown.items() if key in by_row]
        steps = self.verdict.steps
        clear = [step.late for step in steps if step.late - step.counted < 0.001]
        spans = [span for who, found in self.down.items() if who != "postgres" for span in found]
        beside = [
            step.late
            for step in steps
            if step.late - step.counted < 0.001 and any(span.began <= step.due_at <= span.ended for span in spans)
        ]
        away = {who: sum(span.ended - span.began for span in spans) for who, spans in sorted(self.down.items())}
        lines = [
            f"{len(presses)} presses ({len(roots)} requests), {answers} answers, {self.seconds:.0f} s",
            f"faults: {len(self.befell)} ({', '.join(self.befell)})",
            f"seconds away: {', '.join(f'{who} {seconds:.0f}' for who, seconds in away.items())}",
            f"nothing could ring for {sum(span.ended - span.began for span in self.outages):.1f} s",
            f"messages: {self.fates}",
            f"the run's own loop late: {_spread(self.own_lags)}",
            f"press -> durable: {_spread(kept)}",
            f"press -> RECEIVED on the tablet: {_spread(waits)}",
            f"press -> on a console: {_spread(shown)}",
            f"durable -> on a console: {_spread(since)}",
            f"{len(steps)} steps rung, late where one could ring all the while: {_spread(clear)}",
            f"of these while a process was dead or stopped: {_spread(beside)}",
            f"late by the clock: {_spread([step.late for step in steps])}",
            f"late without outages: {_spread([step.counted for step in steps])}",
            f"problems: {len(self.verdict.problems)}",
        ]
        return "\n".join(lines)


def chaos(site: Site, script: Script) -> Outcome:
    """
    Run a script against a site that is up, and judge what is left of it.
    """
    out = site.run(str(VENV / "bin/python"), "-m", "tests.backup_chaos.scene", str(script.tablets))
    scene: dict[str, Any] = json.loads(out)
    told = Told()
    began = time.monotonic()
    lags: list[float] = []
    fates, befell, refused = asyncio.run(_live_through(site, script, scene, told, lags))
    # What was promised outlives one more death.
    site.fell("kill", "postgres", 0.0)
    site.wait_for_postgres()
    time.sleep(2.5)
    tables = read_tables(site.url)
    outages = site.outages()
    verdict = check(told, tables, outages)
    verdict.problems += refused
    return Outcome(verdict, told, tables, outages, site.down(), befell, fates, lags, time.monotonic() - began)


async def _live_through(
    site: Site, script: Script, scene: dict[str, Any], told: Told, lags: list[float]
) -> tuple[dict[str, int], list[str], list[str]]:
    origin = f"http://localhost:{site.port}"
    network = Network(script, site.port)
    port = await network.open()
    crews = Crews(scene["tablets"], told, port=port, origin=origin, seed=script.seed)
    desk = Desk(scene, script, told, port=site.port, origin=origin)
    desk.start()
    crews.start()
    befell: list[str] = []
    refused: list[str] = []
    faults = asyncio.create_task(_befall(site, network, script.faults(), befell))
    lagging = asyncio.create_task(_note_lags(lags))
    try:
        began = time.monotonic()
        for pressing in script.pressings():
            await asyncio.sleep(max(0.0, pressing.at - (time.monotonic() - began)))
            crews.press(pressing)
        await faults
        network.calm()
        deadline = time.monotonic() + _SETTLED_WITHIN_S
        while time.monotonic() < deadline and not (crews.unconfirmed() == 0 and _is_over(told) and desk.is_clear()):
            await asyncio.sleep(0.2)
        # Copies that are still on their way may come.
        await asyncio.sleep(1.0)
        refused += desk.refused
    finally:
        faults.cancel()
        lagging.cancel()
        await asyncio.gather(faults, lagging, return_exceptions=True)
        await crews.stop()
        await desk.stop()
        await network.close()
        # What was hung up on is closed a turn of the loop later.
        await asyncio.sleep(0.2)
    return dict(network.fates), befell, refused


async def _note_lags(lags: list[float]) -> None:
    while True:
        began = time.monotonic()
        await asyncio.sleep(_LAG_EVERY_S)
        lags.append(time.monotonic() - began - _LAG_EVERY_S)


def _is_over(told: Told) -> bool:
    return all(pressed.is_closed for pressed in told.presses.values())


async def _befall(site: Site, network: Network, faults: list[Fault], befell: list[str]) -> None:
    began = time.monotonic()
    under_way: dict[asyncio.Task[None], str] = {}
    for fault in faults:
        await asyncio.sleep(max(0.0, fault.at - (time.monotonic() - began)))
        while len(under_way) >= _MOST_AT_ONCE or fault.who in under_way.values():
            await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            under_way = {task: who for task, who in under_way.items() if not task.done()}
        befell.append(f"{fault.what} {fault.who} {fault.seconds:.1f} s")
        if fault.who == "network":
            work = network.cut(fault.seconds, hangs=fault.what == "hole")
        else:
            work = _in_thread(site, fault)
        under_way[asyncio.create_task(work)] = fault.who
    if under_way:
        await asyncio.wait(under_way)


async def _in_thread(site: Site, fault: Fault) -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def work() -> None:
        try:
            site.fell(fault.what, fault.who, fault.seconds)
        finally:
            loop.call_soon_threadsafe(done.set)

    # Not in the loop's pool: its end would be waited for when a run is given up.
    threading.Thread(target=work, name=f"{fault.what} {fault.who}", daemon=True).start()
    await done.wait()


def read_tables(url: str) -> Tables:
    """
    Read what there is of requests for backup, without those that the path makes to test itself.
    """
    with psycopg.connect(url) as connection:
        rows = [
            Row(
                str(key), received_at.timestamp(), instant(received_at), tablet, again and str(again), closed, via, raw
            )
            for key, received_at, tablet, again, closed, via, raw in connection.execute(
                "SELECT key, received_at, tablet_id, again_of, extract(epoch FROM closed_at)::float8, via, raw"
                " FROM dispatch_backuppress WHERE origin <> 'SELF_TEST'"
            )
        ]
        events = [
            Event(str(press), kind, step, at, by)
            for press, kind, step, at, by in connection.execute(
                "SELECT press, kind, step, extract(epoch FROM at)::float8, by FROM dispatch_backupevent"
                " WHERE kind <> 'TRANSMITTED'"
            )
        ]
        filed = {str(press) for (press,) in connection.execute("SELECT press FROM dispatch_backup")}
    return Tables(rows, events, filed, time.time())


def _spread(values: list[float]) -> str:
    if not values:
        return "none"
    ordered = sorted(values)
    p50, p99 = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    return f"p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, max {ordered[-1] * 1000:.0f} ms, of {len(ordered)}"
