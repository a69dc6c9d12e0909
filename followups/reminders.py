"""
Reminders to people: a push to the browsers that they asked to have woken, and one digest a day.

A row is the promise (followups/sweeps/follow_ups.py makes those of follow-ups). What is sent says how many and nothing else: not who, not
why, not where, because it goes through other people's servers and stands on a screen that anybody may see.

A row is claimed by moving its next try on, sent outside of any transaction, and then said to be sent: whoever died in between
has it sent once more, and the browser shows it in the place of the first (its ``tag``).
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from http import HTTPStatus
from typing import Final

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from dispatch.backup import outbound
from dispatch.models import PushSubscription
from followups.models import FollowUp, FollowUpState, Intake, IntakeState, Reminder, ReminderKind
from responders.models import Agency, Person, RoleName
from responders.queries import day_of

# The day's work is said before it begins; after an outage not in the evening.
DIGEST_FROM, DIGEST_UNTIL = time(8), time(18)
BATCH: Final = 200
_AGAIN: Final = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30))
# Longer than sending a batch can take: who claimed and died gives it back by the clock.
_CLAIM: Final = timedelta(minutes=5)
_TTL_S: Final = 6 * 3600
_WORDS: Final = {
    ReminderKind.DUE: ("follow-up is due", "follow-ups are due"),
    ReminderKind.OVERDUE: ("follow-up is overdue", "follow-ups are overdue"),
    ReminderKind.ESCALATED: ("follow-up was not tried in time", "follow-ups were not tried in time"),
}

_log = logging.getLogger(__name__)


class Digest:
    """
    How much somebody has to do on a day.
    """

    def __init__(self, *, today: int, late: int, nobodys: int = 0, intakes: int = 0) -> None:
        counts = ((today, "due today"), (late, "overdue"), (nobodys, "assigned to nobody"))
        said = [f"{count} {what}" for count, what in counts if count]
        self.text = f"Follow-ups: {', '.join(said)}" if said else ""
        if intakes:
            new = f"{intakes} new referral{'' if intakes == 1 else 's'}"
            self.text = f"{self.text}; {new}" if self.text else new


def make_digests(*, at: datetime) -> int:
    """
    Promise the day's digest to everybody who has something to do today, once, and return how many.
    """
    made = 0
    for agency in Agency.objects.order_by("pk"):
        if not DIGEST_FROM <= at.astimezone(agency.zone).time() < DIGEST_UNTIL:
            continue
        day = day_of(agency, at)
        told = Reminder.objects.filter(kind=ReminderKind.DIGEST, day=day, person__agency=agency).values("person")
        new = Person.objects.filter(pk__in=_busy(agency, day), is_active=True).exclude(pk__in=told)
        rows = Reminder.objects.bulk_create(
            (Reminder(person=person, kind=ReminderKind.DIGEST, day=day, made_at=at, next_at=at) for person in new),
            ignore_conflicts=True,
        )
        made += len(rows)
    return made


def send_due(*, at: datetime) -> int:
    """
    Send the reminders whose time has come, all of one person's together, and return how many are done.
    """
    done = 0
    while rows := _claim(at):
        done += _send(rows, at=at)
        if len(rows) < BATCH:
            break
    return done


def text_of(kinds: Sequence[str], *, digest: Digest | None = None) -> str:
    """
    Return what is shown of these reminders: how many, in words.
    """
    parts = [] if digest is None else [digest.text]
    for kind, (one, many) in _WORDS.items():
        if count := sum(other == kind for other in kinds):
            parts.append(f"{count} {one if count == 1 else many}")
    return ". ".join(part for part in parts if part) + "."


def _busy(agency: Agency, day: date) -> set[int]:
    rows = _open_until(agency.pk, day)
    people = set(rows.filter(assignee__isnull=False).values_list("assignee", flat=True).distinct())
    unseen = rows.filter(assignee=None, unit=None).exists()
    if unseen or Intake.objects.filter(agency=agency, state=IntakeState.NEW).exists():
        roles = Q(roles__name=RoleName.COORDINATOR)
        people |= set(Person.objects.filter(roles, agency=agency).values_list("pk", flat=True))
    return people


def _open_until(agency_id: int, day: date) -> "QuerySet[FollowUp]":
    states = [FollowUpState.PENDING, FollowUpState.DUE]
    return FollowUp.objects.filter(agency=agency_id, state__in=states, due_date__lte=day)


def _claim(at: datetime) -> list[Reminder]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE followups_reminder SET tries = tries + 1, next_at = %s WHERE id IN ("
            " SELECT id FROM followups_reminder WHERE sent_at IS NULL AND next_at <= %s"
            " ORDER BY next_at LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING id",
            [at + _CLAIM, at, BATCH],
        )
        ids = [row[0] for row in cursor.fetchall()]
    return list(Reminder.objects.filter(pk__in=ids).select_related("person", "follow_up").order_by("person", "pk"))


def _send(rows: Iterable[Reminder], *, at: datetime) -> int:
    by_person: dict[int, list[Reminder]] = defaultdict(list)
    for row in rows:
        by_person[row.person_id].append(row)
    done = 0
    for theirs in by_person.values():
        done += _send_to(theirs, at=at)
    return done


def _send_to(rows: list[Reminder], *, at: datetime) -> int:
    """
    Send all of these to one person, and return how many are done.
    """
    person = rows[0].person
    ids = [row.pk for row in rows]
    still = [row for row in rows if _holds(row)]
    browsers = list(PushSubscription.objects.filter(person=person, ended_at=None)) if person.is_active else []
    if not still or not browsers or not settings.VAPID_PRIVATE_KEY:
        return Reminder.objects.filter(pk__in=ids).update(sent_at=at, reached=0)
    body = _body(person, still, at=at)
    reached = sum(_wake(browser, body, at=at) for browser in browsers)
    tries = max(row.tries for row in rows)
    if reached or tries > len(_AGAIN):
        # After that the board says it, and the next digest.
        return Reminder.objects.filter(pk__in=ids).update(sent_at=at, reached=reached)
    Reminder.objects.filter(pk__in=ids).update(next_at=at + _AGAIN[tries - 1])
    return 0


def _holds(row: Reminder) -> bool:
    """
    Tell whether there is still something to remind of: it may have been seen to, or given to somebody else, meanwhile.
    """
    if row.follow_up is None:
        return True
    is_open = row.follow_up.state in (FollowUpState.PENDING, FollowUpState.DUE)
    return is_open and (row.kind == ReminderKind.ESCALATED or row.follow_up.assignee_id == row.person_id)


def _body(person: Person, rows: Sequence[Reminder], *, at: datetime) -> bytes:
    digest = None
    for row in rows:
        if row.kind == ReminderKind.DIGEST and row.day is not None:
            digest = _digest(person, row.day)
    text = text_of([row.kind for row in rows], digest=digest)
    day = day_of(person.agency, at)
    kinds = "-".join(sorted({row.kind for row in rows})).lower()
    return orjson.dumps({"type": "care", "tag": f"care-{kinds}-{day.isoformat()}", "text": text})


def _digest(person: Person, day: date) -> Digest:
    rows = _open_until(person.agency_id, day)
    own = rows.filter(assignee=person)
    nobodys = intakes = 0
    if person.roles.filter(name=RoleName.COORDINATOR).exists():
        nobodys = rows.filter(assignee=None, unit=None).count()
        intakes = Intake.objects.filter(agency=person.agency_id, state=IntakeState.NEW).count()
    return Digest(
        today=own.filter(due_date=day).count(),
        late=own.filter(due_date__lt=day).count(),
        nobodys=nobodys,
        intakes=intakes,
    )


def _wake(browser: PushSubscription, body: bytes, *, at: datetime) -> bool:
    try:
        status = outbound.wake(
            browser.endpoint,
            body,
            p256dh=browser.p256dh,
            auth=browser.auth,
            at=at,
            ttl_s=_TTL_S,
            urgency="normal",
        )
    except (OSError, ValueError) as failed:
        _log.info("reminder: %s", type(failed).__name__)
        return False
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        # The browser took its wish back.
        PushSubscription.objects.filter(pk=browser.pk, ended_at=None).update(ended_at=at)
    return 200 <= status < 300
