"""
Who may hear what: which streams a tablet or a person at a desk may read, now.

One plain SQL statement answers it for any number of bearers at once. The exchange, the tickets and the live process all
ask here and nowhere else, so a line can never hear what a pull would not give.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# Of people at a desk page; a tablet never lends its bearer more than the crew's.
_AT_DESK = frozenset({"DISPATCHER", "EMBEDDED", "SUPERVISOR"})
_INFORMED = _AT_DESK | {"COORDINATOR", "OFFICER"}
# Who sees to it that nobody met is dropped. Their streams are clinical: no other desk hears them.
_CARING = frozenset({"COORDINATOR", "SUPERVISOR"})

# A tablet hears as long as it is not revoked and somebody is signed on at it: not expired, shift open and on the tablet's
# unit, the person active and their access not withdrawn since. A person hears as long as their session lives.
_STANDINGS = """
SELECT bearer.position, tablet.id, tablet.agency_id, tablet.unit_id, tablet.name, tablet.revoked_at IS NOT NULL,
       signon.id, shift.id, person.id, person.name, person.access_epoch, signon.expires_at,
       ARRAY(SELECT role.name FROM responders_role role WHERE role.person_id = person.id AND role.name = 'RESPONDER'),
       ARRAY(SELECT area.servicearea_id FROM responders_unit_areas area
             WHERE area.unit_id = tablet.unit_id ORDER BY area.servicearea_id),
       tablet.token_hash, contact.seen_at, ''
  FROM bearer
  JOIN tablets_tablet tablet ON tablet.id = bearer.tablet_id
  LEFT JOIN tablets_contact contact ON contact.tablet_id = tablet.id
  LEFT JOIN (tablets_signon signon
        JOIN responders_shift shift ON shift.id = signon.shift_id AND shift.ended_at IS NULL
        JOIN responders_person person ON person.id = shift.person_id AND person.is_active
         AND person.access_epoch = signon.access_epoch)
    ON signon.tablet_id = tablet.id AND signon.ended_at IS NULL AND signon.expires_at > %(at)s::timestamptz
   AND shift.unit_id = tablet.unit_id AND tablet.revoked_at IS NULL
UNION ALL
SELECT bearer.position, NULL, person.agency_id, NULL, person.name, false,
       NULL, NULL, person.id, person.name, person.access_epoch, NULL,
       ARRAY(SELECT role.name FROM responders_role role WHERE role.person_id = person.id ORDER BY role.name),
       ARRAY[]::bigint[], NULL, NULL, bearer.session_key
  FROM bearer
  JOIN responders_person person ON person.id = bearer.person_id AND person.is_active
   AND person.access_epoch = bearer.access_epoch
 WHERE EXISTS (SELECT FROM django_session session
                WHERE session.session_key = bearer.session_key AND session.expire_date > %(at)s::timestamptz)
"""


def _standings(bearers: str) -> str:
    return f"WITH bearer AS ({bearers}) {_STANDINGS}"


STANDINGS_SQL = _standings(
    "SELECT * FROM unnest(%(tablets)s::bigint[], %(people)s::bigint[], %(sessions)s::text[], %(epochs)s::bigint[])"
    " WITH ORDINALITY AS b (tablet_id, person_id, session_key, access_epoch, position)"
)
TOKEN_SQL = _standings(
    "SELECT id AS tablet_id, NULL::bigint AS person_id, '' AS session_key, 0 AS access_epoch, 1 AS position"
    " FROM tablets_tablet WHERE token_hash = %(token_hash)s"
)
# Single use, by Postgres' own clock: of two that present one ticket, the UPDATE lets one through.
TICKET_SQL = _standings(
    "UPDATE tablets_ticket SET used_at = now() WHERE ticket_hash = %(ticket_hash)s AND used_at IS NULL"
    " AND made_at > now() - make_interval(secs => %(seconds)s)"
    " RETURNING tablet_id, person_id, session_key, access_epoch, 1 AS position"
)


@dataclass(frozen=True, slots=True)
class Bearer:
    """
    Who holds a line: a tablet, or a person's session at a desk page.
    """

    tablet_id: int | None = None
    person_id: int | None = None
    session_key: str = ""
    access_epoch: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """
    What a bearer is and may hear at one moment.
    """

    bearer: Bearer
    agency_id: int
    label: str
    unit_id: int | None
    revoked: bool
    sign_on_id: int | None
    shift_id: int | None
    person_id: int | None
    access_epoch: int | None
    expires_at: datetime | None
    roles: frozenset[str]
    # In order of weight: a crew's own calls first, what hardly changes last. An exchange that is cut brings them so.
    streams: tuple[str, ...]
    token_hash: bytes | None
    seen_at: datetime | None


def standings_arguments(bearers: Sequence[Bearer], *, at: datetime) -> dict[str, Any]:
    """
    Return the arguments of ``STANDINGS_SQL`` for these bearers.
    """
    return {
        "tablets": [bearer.tablet_id for bearer in bearers],
        "people": [bearer.person_id for bearer in bearers],
        "sessions": [bearer.session_key for bearer in bearers],
        "epochs": [bearer.access_epoch for bearer in bearers],
        "at": at,
    }


def standings_of(bearers: Sequence[Bearer], rows: Sequence[Sequence[Any]]) -> dict[Bearer, Standing]:
    """
    Return what the rows of ``STANDINGS_SQL`` say of the bearers it was asked about; who has no access is missing.
    """
    return {bearers[row[0] - 1]: standing_of(row) for row in rows}


def standing_of(row: Sequence[Any]) -> Standing:
    """
    Return one row of any of this module's statements as a standing.
    """
    (
        _, tablet_id, agency_id, unit_id, name, revoked, sign_on_id, shift_id, person_id, person_name, access_epoch,
        expires_at, roles, areas, token_hash, seen_at, session_key,
    ) = row  # fmt: skip
    names = frozenset(roles)
    if tablet_id is None:
        bearer = Bearer(person_id=person_id, session_key=session_key, access_epoch=access_epoch)
        streams = _streams_of_person(agency_id, person_id, names)
    else:
        bearer = Bearer(tablet_id=tablet_id)
        streams = _streams_of_tablet(agency_id, unit_id, person_id, areas) if "RESPONDER" in names else ()
    return Standing(
        bearer=bearer,
        agency_id=agency_id,
        label=person_name or name,
        unit_id=unit_id,
        revoked=revoked,
        sign_on_id=sign_on_id,
        shift_id=shift_id,
        person_id=person_id,
        access_epoch=access_epoch,
        expires_at=expires_at,
        roles=names,
        streams=streams,
        token_hash=None if token_hash is None else bytes(token_hash),
        seen_at=seen_at,
    )


def _streams_of_tablet(agency_id: int, unit_id: int, person_id: int, areas: Sequence[int]) -> tuple[str, ...]:
    return (
        f"unit.{unit_id}",
        *(f"area.{area_id}" for area_id in areas),
        f"responder.{person_id}",
        f"reference.{agency_id}",
        # What a report asks, and where people can be referred: no word about anybody, and heavy, so it comes last.
        f"care.{agency_id}",
        f"directory.{agency_id}",
    )


def _streams_of_person(agency_id: int, person_id: int, roles: frozenset[str]) -> tuple[str, ...]:
    streams = []
    if roles & _AT_DESK:
        streams.append(f"desk.{agency_id}")
    if "SUPERVISOR" in roles:
        streams.append(f"supervisors.{agency_id}")
    if "OFFICER" in roles:
        streams.append(f"officer.{person_id}")
    if roles & _CARING:
        streams.append(f"coordinators.{agency_id}")
    if roles & _INFORMED:
        streams.append(f"reference.{agency_id}")
    return tuple(streams)
