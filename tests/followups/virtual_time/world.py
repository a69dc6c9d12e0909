"""
Years of second responses in minutes: encounters, releases and attempts on each virtual day, and sweeps whose clock is set.

Everything goes through the actions and sweeps that production runs, against Postgres. Days on which no sweep runs, and sweeps
whose connection is cut in the middle of a transaction, are part of the script; SEED replays one.
"""

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from time import sleep
from typing import Any, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.db.models import Min

from dispatch.models import AssignmentStatus
from followups.actions import follow_ups, plans
from followups.models import Client, Encounter, FollowUp, FollowUpState, Met, Plan, PlanState, Programme
from followups.sweeps import follow_ups as sweeps
from journal.door import open_door
from responders.actors import Actor
from responders.models import Agency, Person, RoleName
from tests.factories import dispatch, responders

SCENE: Final = responders.SCENE
# Of ten encounters so many are in each zone. Los Angeles moved its clocks in each of these years; Lord Howe moves them by half an
# hour, Chatham at a quarter to three, and Apia had no 30 December 2011.
ZONES: Final = {
    "America/Los_Angeles": 7,
    "Australia/Lord_Howe": 1,
    "Pacific/Chatham": 1,
    "Pacific/Apia": 1,
}
# Hours of the clock that gaps skip and folds repeat, beside the usual ones.
HOURS: Final = {
    "America/Los_Angeles": (time(12), time(19)),
    "Australia/Lord_Howe": (time(2, 15), time(9)),
    "Pacific/Chatham": (time(3, 15), time(9)),
    "Pacific/Apia": (time(0), time(7)),
}
_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Script:
    """
    What a run plays.
    """

    seed: int
    encounters: int
    begins: date
    days: int
    sweepers: int
    # Of so many ticks one loses a sweeper's connection, and on one of so many days nobody sweeps until the evening after.
    kill_every: int = 7
    outage_every: int = 40


@dataclass(frozen=True, slots=True)
class Tick:
    """
    One moment at which every sweeper looked; ``clean`` where none of them lost its connection.
    """

    at: datetime
    clean: bool


@dataclass
class Town:
    """
    One agency: where everybody is met on the same call, which keeps dispatch out of the way.
    """

    agency: Agency
    zone: ZoneInfo
    assignment: Any
    author: Person
    coordinator: Actor
    clients: list[int]


@dataclass
class Run:
    """
    What was done, for the checks at the end.
    """

    ticks: list[Tick] = field(default_factory=list)
    # From when the days of each plan's round are counted, by (plan, round).
    based_at: dict[tuple[int, int], datetime] = field(default_factory=dict)
    # When a follow-up was ended by something else than a sweep.
    ended_at: dict[int, datetime] = field(default_factory=dict)
    # Connections that were cut, and those of them that were at work.
    kills: int = 0
    felt: int = 0
    outages: int = 0
    signed: int = 0


class World:
    """
    Plays a script.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.run = Run()
        self._random = Random(script.seed)
        # What is cut depends on the machine: what people do must not depend on that.
        self._cuts = Random(script.seed)
        self._releases: dict[date, list[tuple[Town, int]]] = defaultdict(list)
        self._towns = {name: self._town(name, share) for name, share in ZONES.items()}
        # A thread each, so that each has a connection of its own and closes it.
        self._sweepers = [ThreadPoolExecutor(1) for _ in range(script.sweepers)]

    def play(self) -> Run:
        """
        Live through all of it, and return what was done.
        """
        try:
            per_day = self._per_day()
            dark_until = datetime.min.replace(tzinfo=UTC)
            for number in range(self.script.days):
                day = self.script.begins + number * _DAY
                evening = datetime.combine(day, time(23, 30), tzinfo=UTC)
                if self._random.randrange(self.script.outage_every) == 0:
                    dark_until = evening + self._random.randint(0, 3) * _DAY
                    self.run.outages += 1
                if evening > dark_until:
                    self._sweep_between(evening - _DAY, evening)
                self._live(day, per_day[number], at=evening)
            # Whatever is left comes within the longest step.
            last = datetime.combine(self.script.begins + (self.script.days + 40) * _DAY, time(), tzinfo=UTC)
            self._sweep_between(last - 40 * _DAY, last)
            self._tick(last + _MINUTE, kills=False)
        finally:
            for sweeper in self._sweepers:
                sweeper.submit(_close)
                sweeper.shutdown()
        return self.run

    def _town(self, name: str, share: int) -> Town:
        scene = dispatch.scene(timezone=name)
        begins, until = HOURS[name]
        held = dispatch.assignment(scene, status=AssignmentStatus.CLEARED)
        people = max(3, self.script.encounters * share // 15)
        born = datetime.combine(self.script.begins, time(), tzinfo=UTC)
        with open_door(by=SCENE, at=born):
            type(held).objects.filter(pk=held.pk).update(on_scene_at=None)
            Programme.objects.create(agency=scene.agency, visits_from=begins, visits_until=until)
            clients = Client.objects.bulk_create(
                Client(agency=scene.agency, made_at=born, made_by=SCENE) for _ in range(people)
            )
        held.refresh_from_db()
        return Town(
            agency=scene.agency,
            zone=ZoneInfo(name),
            assignment=held,
            author=responders.person(scene.agency),
            coordinator=responders.actor(responders.person(scene.agency, RoleName.COORDINATOR)),
            clients=[client.pk for client in clients],
        )

    def _per_day(self) -> list[list[Town]]:
        names = [name for name, share in ZONES.items() for _ in range(share)]
        days: list[list[Town]] = [[] for _ in range(self.script.days)]
        for number in range(self.script.encounters):
            days[self._random.randrange(self.script.days)].append(self._towns[names[number % len(names)]])
        return days

    # --- what people do ------------------------------------------------------------------------------------------------

    def _live(self, day: date, towns: list[Town], *, at: datetime) -> None:
        """
        Sign what was met with on a day, at its end, and do what coordinators did.
        """
        with open_door(by=SCENE, at=at):
            touched: list[int] = []
            for town, plan_id in self._releases.pop(day, []):
                touched += self._release(town, plan_id, at=at)
            for town in towns:
                touched.append(self._meet(town, day, at=at))
            touched += self._see_to_some(at=at)
        ended = FollowUp.objects.filter(client__in=touched).exclude(
            state__in=[FollowUpState.PENDING, FollowUpState.DUE]
        )
        for pk in ended.values_list("pk", flat=True):
            self.run.ended_at.setdefault(pk, at)
        for plan_id, number, based_at in Plan.objects.filter(client__in=touched).values_list(
            "pk", "round", "based_at"
        ):
            self.run.based_at.setdefault((plan_id, number), based_at)

    def _meet(self, town: Town, day: date, *, at: datetime) -> int:
        rng = self._random
        client = Client.objects.lock(rng.choice(town.clients))
        met_at = datetime.combine(day, time(), tzinfo=UTC) + timedelta(minutes=rng.randrange(23 * 60))
        report = Encounter.objects.create(
            key=uuid4(),
            agency=town.agency,
            assignment=town.assignment,
            unit_id=town.assignment.unit_id,
            author=town.author,
            state="SIGNED",
            opened_at=met_at,
            saved_at=at,
            due_at=at,
            signed_at=at,
            signed_by=town.author,
        )
        row = Met.objects.create(
            encounter=report,
            client=client,
            position=0,
            risk=rng.random() < 0.1,
            agreed=rng.choices([True, False, None], [85, 5, 10])[0],
            body={"left_to": rng.choices(["HOME", "HOSPITAL", "CUSTODY"], [90, 7, 3])[0], "needs": []},
        )
        locked = Encounter.objects.lock(report.pk)
        # The assignment is asked for nothing but when somebody was there; it never was.
        locked.assignment = town.assignment
        plan = plans.after_encounter(encounter=locked, client=client, met=row, by=SCENE, at=at)
        self.run.signed += 1
        self._note(plan)
        if plan is not None and plan.state == PlanState.PAUSED:
            self._releases[day + rng.randint(1, 45) * _DAY].append((town, plan.pk))
        return client.pk

    def _release(self, town: Town, plan_id: int, *, at: datetime) -> list[int]:
        plan = Plan.objects.get(pk=plan_id)
        if plan.state != PlanState.PAUSED:
            # They were met again meanwhile, or declined.
            return []
        since = plan.paused_at or at
        released_at = max(since, at - timedelta(minutes=self._random.randrange(20 * 60)))
        self._note(plans.resume(plan_id=plan_id, released_at=released_at, by=town.coordinator, at=at))
        return [plan.client_id]

    def _note(self, plan: Plan | None) -> None:
        if plan is not None:
            self.run.based_at.setdefault((plan.pk, plan.round), plan.based_at)

    def _see_to_some(self, *, at: datetime) -> list[int]:
        touched = []
        due = list(FollowUp.objects.filter(state=FollowUpState.DUE).order_by("pk"))
        for row in self._random.sample(due, min(2, len(due))):
            town = next(town for town in self._towns.values() if town.agency.pk == row.agency_id)
            result = self._random.choice(["REACHED", "NOT_FOUND", "REFUSED"])
            follow_ups.attempt(follow_up_id=row.pk, how="PHONE", result=result, by=town.coordinator, at=at)
            touched.append(row.client_id)
        return touched

    # --- what sweeps do ------------------------------------------------------------------------------------------------

    def _sweep_between(self, since: datetime, until: datetime) -> None:
        """
        Look at each moment at which something comes due, and now and then a second before it.
        """
        for at in self._due_until(since, until):
            if self._random.randrange(5) == 0:
                self._tick(at - _SECOND, kills=False)
            is_killed = self._random.randrange(self.script.kill_every) == 0
            self._tick(at, kills=is_killed)
            if is_killed:
                self._tick(at + _MINUTE, kills=False)

    def _due_until(self, since: datetime, until: datetime) -> Iterator[datetime]:
        latest = since
        while True:
            found = FollowUp.objects.filter(state=FollowUpState.PENDING, due_at__lte=until)
            at: datetime | None = found.aggregate(at=Min("due_at"))["at"]
            if at is None:
                return
            # After an outage what is long due is found when the sweeps begin again.
            at = max(at, latest + 2 * _MINUTE)
            yield at
            latest = self.run.ticks[-1].at

    def _tick(self, at: datetime, *, kills: bool) -> None:
        if self.run.ticks and at <= self.run.ticks[-1].at:
            # The second before this one was that of the one before.
            return
        sweeps_now = [sweeper.submit(_sweep, at) for sweeper in self._sweepers]
        while kills and not all(sweeper.done() for sweeper in sweeps_now):
            if _cut_one(self._cuts):
                self.run.kills += 1
                break
            sleep(0.001)
        survived = [sweeper.result(timeout=120) for sweeper in sweeps_now]
        if kills:
            self.run.felt += survived.count(False)
        self.run.ticks.append(Tick(at, clean=all(survived)))


_NAME: Final = "care-years sweep"


def _sweep(at: datetime) -> bool:
    """
    Sweep once, as a worker's task does; False where the connection was cut. The next one has a new connection.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('application_name', %s, false)", [_NAME])
        sweeps.make_due(at=at)
    except (OperationalError, InterfaceError, DatabaseError):
        connection.close()
        return False
    return True


def _cut_one(rng: Random) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()"
            " AND state <> 'idle'",
            [_NAME],
        )
        pids = [row[0] for row in cursor.fetchall()]
        if not pids:
            return False
        cursor.execute("SELECT pg_terminate_backend(%s)", [rng.choice(pids)])
    return True


def _close() -> None:
    # `connection` is another one in each thread.
    connection.close()
