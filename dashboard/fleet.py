"""
What supervisors and administrators read of tablets: contact, what is still to send and to hear, what is wrong, orders.

Reads only. One statement for the whole list and its sums, however many tablets there are; what a tablet holds and still
has to send is as it last said itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from django.db import connection

from dispatch.spans import since, span
from responders.models import ServiceArea

PER_PAGE: Final = 100
# A tablet asks about once a minute: one that was heard of this lately is in contact.
LATELY: Final = timedelta(minutes=2)
# What is older than this needs somebody.
_LONG: Final = timedelta(minutes=10)
_VERY_LONG: Final = timedelta(hours=1)
_RECENT: Final = timedelta(hours=24)
SHOWS: Final = {
    "": "In use",
    "wrong": "Something is wrong",
    "unsent": "Something still to send",
    "silent": "No contact now",
    "all": "All, those out of use as well",
}

# The store that was heard of last is the tablet's; of earlier ones only what never came from them counts. `rank` is how much
# it needs somebody: an erasure that is not confirmed and work that is not sent come before what heals itself.
_LIST_SQL: Final = """
WITH store AS (
    SELECT i.*, row_number() OVER (PARTITION BY i.tablet_id ORDER BY i.seen_at DESC, i.id) AS place
      FROM tablets_installation i JOIN tablets_tablet t ON t.id = i.tablet_id
     WHERE t.agency_id = %(agency)s
), over AS (
    -- A store that has confirmed its erasure said with it what it could not send: what it said before is no longer so.
    SELECT p.installation, p.confirmed_at IS NOT NULL AS gone, p.ordered_at, p.told_at, p.confirmed_at, p.held,
           (p."left"->>'unsent')::bigint AS lost, store.tablet_id, store.place
      FROM tablets_purge p JOIN store ON store.id = p.installation
), earlier AS (
    SELECT tablet_id, count(*) AS stores, sum(outbox_count) FILTER (WHERE over.gone IS NOT TRUE) AS unsent,
           max(seen_at) FILTER (WHERE outbox_count > 0 AND over.gone IS NOT TRUE) AS unsent_at,
           count(*) FILTER (WHERE over.gone IS FALSE) AS unproven
      FROM store LEFT JOIN over USING (tablet_id, place) WHERE place > 1 GROUP BY tablet_id
), erasure AS (
    -- A store that another one took the place of can confirm nothing any more: it is said, and nobody waits for it.
    SELECT tablet_id, count(*) FILTER (WHERE NOT gone AND place = 1) AS open,
           min(ordered_at) FILTER (WHERE NOT gone AND place = 1) AS ordered_at,
           max(told_at) FILTER (WHERE NOT gone AND place = 1) AS told_at, max(confirmed_at) AS confirmed_at,
           (array_agg(held ORDER BY confirmed_at DESC NULLS LAST))[1] AS held,
           sum(lost) FILTER (WHERE confirmed_at > %(at)s - %(recent)s) AS lost
      FROM over GROUP BY tablet_id
), removal AS (
    SELECT r.installation_id, count(*) FILTER (WHERE r.confirmed_at IS NULL) AS open, count(*) AS told
      FROM tablets_removal r JOIN store ON store.id = r.installation_id AND store.place = 1 GROUP BY r.installation_id
), reading AS (
    SELECT store.tablet_id, sum(greatest(coalesce(s.number, 0) - h.value::bigint, 0)) AS behind,
           jsonb_agg(jsonb_build_array(h.key, h.value::bigint, coalesce(s.number, 0)) ORDER BY h.key) AS streams
      FROM store CROSS JOIN LATERAL jsonb_each_text(store.held) h LEFT JOIN journal_stream s ON s.name = h.key
     WHERE store.place = 1 GROUP BY store.tablet_id
), photo AS (
    SELECT tablet_id, count(*) AS waiting FROM tablets_attachment
     WHERE agency_id = %(agency)s AND state = 'WAITING' AND tablet_id IS NOT NULL GROUP BY tablet_id
), people AS (
    SELECT o.tablet_id, string_agg(p.name, ', ' ORDER BY p.name) AS names
      FROM tablets_signon o JOIN tablets_tablet t ON t.id = o.tablet_id
      JOIN responders_shift f ON f.id = o.shift_id JOIN responders_person p ON p.id = f.person_id
     WHERE o.ended_at IS NULL AND t.agency_id = %(agency)s GROUP BY o.tablet_id
), device AS (
    SELECT t.id, t.name, t.unit_id, u.call_sign, t.revoked_at, people.names, c.battery,
           coalesce(greatest(store.seen_at, c.seen_at), store.seen_at, c.seen_at) AS heard_at,
           store.id AS installation, store.seen_at AS said_at, store.first_at, store.last_seq, store.epoch, store.schema,
           coalesce(nullif(store.app_version, ''), c.app_version, '') AS app_version, store.persisted, store.lease_until,
           CASE WHEN here.gone THEN 0 ELSE coalesce(store.outbox_count, 0) END AS unsent,
           store.outbox_oldest_at AS oldest_at,
           coalesce(store.resets, 0) AS resets, store.reset_at, coalesce(store.mismatches, 0) AS mismatches,
           store.mismatch_at, store.resync_ordered_at, store.resync_told_at, store.resynced_at,
           coalesce(earlier.stores, 0) AS earlier, coalesce(earlier.unsent, 0) AS never_came,
           earlier.unsent_at AS never_came_at, coalesce(earlier.unproven, 0) AS unproven, coalesce(erasure.open, 0) AS erasing, erasure.ordered_at AS erase_ordered_at,
           erasure.told_at AS erase_told_at, erasure.confirmed_at AS erased_at, erasure.held AS erased,
           coalesce(erasure.lost, 0) AS lost,
           coalesce(removal.open, 0) AS removing, coalesce(removal.told, 0) AS removals,
           coalesce(reading.behind, 0) AS behind, reading.streams, coalesce(photo.waiting, 0) AS photos
      FROM tablets_tablet t JOIN responders_unit u ON u.id = t.unit_id
      LEFT JOIN tablets_contact c ON c.tablet_id = t.id
      LEFT JOIN store ON store.tablet_id = t.id AND store.place = 1
      LEFT JOIN over here ON here.installation = store.id
      LEFT JOIN earlier ON earlier.tablet_id = t.id
      LEFT JOIN erasure ON erasure.tablet_id = t.id
      LEFT JOIN removal ON removal.installation_id = store.id
      LEFT JOIN reading ON reading.tablet_id = t.id
      LEFT JOIN people ON people.tablet_id = t.id
      LEFT JOIN photo ON photo.tablet_id = t.id
     WHERE t.agency_id = %(agency)s
), ranked AS MATERIALIZED (
    SELECT device.*, CASE
           WHEN erasing > 0 THEN 9
           WHEN unsent > 0 AND oldest_at < %(at)s - %(very_long)s AND heard_at < %(at)s - %(long)s THEN 8
           WHEN lost > 0 OR mismatch_at > %(at)s - %(recent)s THEN 7
           WHEN never_came > 0 THEN 6
           WHEN names IS NOT NULL AND revoked_at IS NULL AND (heard_at IS NULL OR heard_at < %(at)s - %(long)s) THEN 5
           WHEN unsent > 0 AND persisted IS FALSE THEN 4
           WHEN reset_at > %(at)s - %(recent)s THEN 3
           WHEN resync_ordered_at IS NOT NULL AND resynced_at IS NULL THEN 2
           WHEN unsent > 0 OR (behind > 0 AND heard_at < %(at)s - %(lately)s) THEN 1
           ELSE 0 END AS rank
      FROM device
), wanted AS (
    SELECT *, count(*) OVER () AS found FROM ranked
     WHERE (%(unit)s::bigint IS NULL OR unit_id = %(unit)s)
       AND CASE %(show)s::text
           WHEN 'all' THEN true
           WHEN 'wrong' THEN rank > 1
           WHEN 'unsent' THEN unsent > 0 OR never_came > 0
           WHEN 'silent' THEN revoked_at IS NULL AND (heard_at IS NULL OR heard_at < %(at)s - %(lately)s)
           ELSE revoked_at IS NULL OR rank > 5 END
     ORDER BY rank DESC, heard_at NULLS FIRST, call_sign, name, id LIMIT %(limit)s OFFSET %(offset)s
), sums AS (
    SELECT count(*) FILTER (WHERE revoked_at IS NULL) AS in_use,
           count(*) FILTER (WHERE revoked_at IS NULL AND heard_at >= %(at)s - %(lately)s) AS in_contact,
           coalesce(sum(unsent + never_came), 0) AS reports, count(*) FILTER (WHERE unsent + never_came > 0) AS sending,
           count(*) FILTER (WHERE revoked_at IS NULL AND behind > 0 AND heard_at < %(at)s - %(lately)s) AS behind_all,
           count(*) FILTER (WHERE rank > 1) AS wrong, coalesce(sum(erasing), 0) AS erasures
      FROM ranked
)
SELECT sums.in_use, sums.in_contact, sums.reports, sums.sending, sums.behind_all, sums.wrong, sums.erasures, wanted.*
  FROM sums LEFT JOIN wanted ON true
 ORDER BY wanted.rank DESC, wanted.heard_at NULLS FIRST, wanted.call_sign, wanted.name, wanted.id
"""


@dataclass(frozen=True, slots=True)
class Said:
    """
    A few words, how they look and the icon beside them: never colour alone.
    """

    words: str
    look: str = ""
    icon: str = "warning"


@dataclass(frozen=True, slots=True)
class Sum:
    """
    One figure over all tablets.
    """

    count: int
    words: str
    look: str = ""


@dataclass(frozen=True, slots=True)
class StreamRead:
    """
    How far a tablet is in one of its streams.
    """

    label: str
    words: str


@dataclass(frozen=True, slots=True)
class Device:
    """
    One tablet, in words.
    """

    tablet: int
    name: str
    unit: str
    people: str
    in_use: bool
    lately: bool
    contact: str
    lease: str
    waiting: str
    waiting_look: str
    waiting_said: str
    # Photos and signatures that have begun to come, or were named, and are not here.
    photos: int
    behind: int
    behind_look: str
    behind_most: str
    behind_none: str
    # What an order to erase it could lose, in a sentence.
    lost: str
    troubles: list[Said]
    facts: list[tuple[str, str]]
    streams: list[StreamRead]
    history: list[str]

    @property
    def key(self) -> str:
        """
        Return what the page knows the row by.
        """
        return f"t-{self.tablet}"


@dataclass(frozen=True, slots=True)
class Fleet:
    """
    One page of tablets, those that need somebody first, and sums over all of the agency's.
    """

    devices: list[Device]
    sums: list[Sum]
    total: int
    offset: int = field(default=0)

    @property
    def first(self) -> int:
        """
        Return the place of the first tablet of this page, counted from 1.
        """
        return self.offset + 1

    @property
    def last(self) -> int:
        """
        Return the place of the last tablet of this page.
        """
        return self.offset + len(self.devices)


def fleet(agency_id: int, *, at: datetime, show: str = "", unit_id: int | None = None, offset: int = 0) -> Fleet:
    """
    Return the tablets of an agency as they are at an instant; ``show`` is one of SHOWS.
    """
    given: dict[str, Any] = {
        "agency": agency_id,
        "at": at,
        "show": show,
        "unit": unit_id,
        "limit": PER_PAGE,
        "offset": offset,
    }
    limits = {"lately": LATELY, "long": _LONG, "very_long": _VERY_LONG, "recent": _RECENT}
    with connection.cursor() as cursor:
        cursor.execute(_LIST_SQL, given | limits)
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    for row in rows:
        # Django's connections leave jsonb as text.
        row["streams"], row["erased"] = (orjson.loads(row[name] or "null") for name in ("streams", "erased"))
    sums, listed = rows[0], [row for row in rows if row["id"] is not None]
    areas = dict(ServiceArea.objects.filter(agency=agency_id).values_list("pk", "name"))
    return Fleet(
        devices=[_device(row, areas, at=at) for row in listed],
        sums=_sums(sums),
        total=listed[0]["found"] if listed else 0,
        offset=offset,
    )


def lost(unsent: int, *, oldest_at: datetime | None, said_at: datetime | None, at: datetime) -> str:
    """
    Return, in a sentence, what waits on a tablet as it last said itself: what an order to erase it could lose.
    """
    if said_at is None:
        return "It has never said what waits on it."
    said = f"It last said, {since(said_at, at=at)} ago, that"
    if not unsent:
        return f"{said} nothing waits on it."
    oldest = f", the oldest {since(oldest_at, at=at)} old" if oldest_at else ""
    return f"{said} {_reports(unsent)} {'waits' if unsent == 1 else 'wait'} on it{oldest}."


def _sums(row: Mapping[str, Any]) -> list[Sum]:
    silent = row["in_use"] - row["in_contact"]
    return [
        Sum(row["in_use"], "tablets in use"),
        Sum(row["in_contact"], "in contact now", "good" if row["in_contact"] and not silent else ""),
        Sum(row["wrong"], "need somebody", "bad" if row["wrong"] else "good"),
        Sum(int(row["reports"]), f"reports not sent yet, on {row['sending']}", "warn" if row["reports"] else "good"),
        Sum(row["behind_all"], "without contact, and behind", "warn" if row["behind_all"] else "good"),
        Sum(int(row["erasures"]), "erasures not confirmed", "bad" if row["erasures"] else "good"),
    ]


def _device(row: Mapping[str, Any], areas: Mapping[int, str], *, at: datetime) -> Device:
    heard_at, lease = row["heard_at"], row["lease_until"]
    lately = heard_at is not None and at - heard_at < LATELY
    streams, behind = _streams(row["streams"] or [], areas), int(row["behind"])
    most = max(row["streams"] or [["", 0, 0]], key=lambda stream: stream[2] - stream[1])
    return Device(
        tablet=row["id"],
        name=row["name"],
        unit=row["call_sign"],
        people=row["names"] or "",
        in_use=row["revoked_at"] is None,
        lately=lately,
        contact="never" if heard_at is None else f"{since(heard_at, at=at)} ago",
        lease=_lease(lease, at=at),
        waiting=_reports(row["unsent"]) if row["unsent"] else "",
        waiting_look="bad" if row["unsent"] and not lately else "warn",
        waiting_said=_said(row, at=at),
        photos=row["photos"],
        behind=behind,
        behind_look="" if lately else "warn",
        behind_most=f"most of them: {_stream_words(most[0], areas)}" if len(streams) > 1 and behind else "",
        behind_none="nothing" if streams else "holds nothing",
        lost=lost(row["unsent"], oldest_at=row["oldest_at"], said_at=row["said_at"], at=at),
        troubles=_troubles(row, at=at),
        facts=_facts(row, at=at),
        streams=streams,
        history=_history(row, at=at),
    )


def _lease(until: datetime | None, *, at: datetime) -> str:
    if until is None:
        return ""
    return f"readable for another {span(until - at)}" if until > at else "lease over: not readable"


def _reports(count: int) -> str:
    return "1 report" if count == 1 else f"{count} reports"


def _were(count: int) -> str:
    return f"{_reports(count)} {'was' if count == 1 else 'were'}"


def _said(row: Mapping[str, Any], *, at: datetime) -> str:
    if row["said_at"] is None:
        return "it has not said"
    if not row["unsent"]:
        return ""
    oldest = f"oldest {since(row['oldest_at'], at=at)}, " if row["oldest_at"] else ""
    return f"{oldest}said {since(row['said_at'], at=at)} ago"


def _troubles(row: Mapping[str, Any], *, at: datetime) -> list[Said]:
    heard_at = row["heard_at"]
    silent = row["names"] and row["revoked_at"] is None and (heard_at is None or at - heard_at > _LONG)
    old = row["unsent"] and row["oldest_at"] and at - row["oldest_at"] > _VERY_LONG
    waits = row["resync_ordered_at"] is not None and row["resynced_at"] is None
    told = [
        (
            row["erasing"],
            f"Told to erase itself {since(row['erase_told_at'], at=at)} ago, not confirmed"
            if row["erase_told_at"]
            else f"To be erased, ordered {since(row['erase_ordered_at'], at=at)} ago: no contact since",
            "bad",
            "delete",
        ),
        (row["revoked_at"], "Out of use", "", "block"),
        (old and at - heard_at > _LONG, "Unsent work, and no contact", "bad", "error"),
        (
            row["mismatch_at"] and at - row["mismatch_at"] < _RECENT,
            f"Held something else than the server, {since(row['mismatch_at'], at=at)} ago; put right",
            "bad",
            "error",
        ),
        (row["lost"], f"{_were(int(row['lost']))} lost when it was erased", "bad", "error"),
        (
            row["never_came"],
            f"{_reports(int(row['never_came']))} never came from an earlier store",
            "bad",
            "error",
        ),
        (silent and not old, "Somebody is signed on, and no contact", "warn", "wifi_off"),
        (row["persisted"] is False, "The browser may clear what it holds", "warn", "warning"),
        (
            row["reset_at"] and at - row["reset_at"] < _RECENT,
            f"Part of it was sent anew {since(row['reset_at'], at=at)} ago",
            "warn",
            "autorenew",
        ),
        (
            waits,
            f"To be filled anew, ordered {since(row['resync_ordered_at'], at=at)} ago"
            + ("" if row["resync_told_at"] is None else ", told"),
            "",
            "autorenew",
        ),
        (row["removing"], f"{row['removing']} of its lists not yet confirmed gone", "", "schedule"),
    ]
    return [Said(words, look, icon) for holds, words, look, icon in told if holds]


def _facts(row: Mapping[str, Any], *, at: datetime) -> list[tuple[str, str]]:
    if row["installation"] is None:
        return [("Store", "none yet: it has never exchanged anything")]
    persisted = {True: "stays", False: "the browser may clear it", None: "not said"}[row["persisted"]]
    battery = [] if row["battery"] is None else [("Battery", f"{row['battery']} %")]
    return [
        ("Store", str(row["installation"])),
        ("Made", f"{since(row['first_at'], at=at)} ago"),
        ("What it holds", persisted),
        ("App", row["app_version"] or "not said"),
        ("Schema", str(row["schema"])),
        ("Epoch", row["epoch"] or "not said"),
        ("Reports answered", f"{row['last_seq']:,}"),
        ("Sent anew", _times(row["resets"], row["reset_at"], at=at)),
        ("Differed from the server", _times(row["mismatches"], row["mismatch_at"], at=at)),
        ("Lists taken away", f"{row['removals']}, {row['removing']} not confirmed" if row["removals"] else "none"),
        *battery,
    ]


def _times(count: int, last_at: datetime | None, *, at: datetime) -> str:
    if not count:
        return "never"
    last = f", last {since(last_at, at=at)} ago" if last_at else ""
    return f"{'once' if count == 1 else f'{count} times'}{last}"


def _history(row: Mapping[str, Any], *, at: datetime) -> list[str]:
    lines = []
    if row["earlier"]:
        stores = "One earlier store" if row["earlier"] == 1 else f"{row['earlier']} earlier stores"
        came = (
            f"{_reports(int(row['never_came']))} never came from them, last heard of {since(row['never_came_at'], at=at)} ago"
            if row["never_came"]
            else "everything came from them"
        )
        lines.append(f"{stores}: {came}.")
    if row["unproven"]:
        lines.append(f"{row['unproven']} of them were to erase themselves, and can no longer confirm it.")
    if row["erased_at"]:
        lines.append(f"Erased {since(row['erased_at'], at=at)} ago, as it confirmed: {_erased(row['erased'])} gone.")
    if row["resynced_at"]:
        lines.append(f"Filled anew {since(row['resynced_at'], at=at)} ago.")
    return lines


def _erased(held: Mapping[str, Any] | None) -> str:
    counts = [int(one.get("count", 0)) for one in (held or {}).values() if isinstance(one, dict)]
    return f"{sum(counts):,} documents of {len(counts)} lists"


def _streams(streams: list[list[Any]], areas: Mapping[int, str]) -> list[StreamRead]:
    return [
        StreamRead(
            _stream_words(name, areas),
            f"at {had:,}" if had >= number else f"at {had:,} of {number:,}: {number - had:,} behind",
        )
        for name, had, number in streams
    ]


def _stream_words(name: str, areas: Mapping[int, str]) -> str:
    audience, _, key = name.partition(".")
    match audience:
        case "area":
            return f"Board of {areas.get(int(key), key) if key.isdigit() else key}"
        case "unit":
            return "Its own calls"
        case "responder":
            return "Drafts"
        case "reference":
            return "Areas, types, policies"
        case _:
            return name
