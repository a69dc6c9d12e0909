"""
Who somebody might be: records that look like what is known of them, with a score and the reasons. A human decides.

Candidates come from indexes only: names that share trigrams, names that sound alike (double metaphone), the same date of birth
and the same phone number (blind indexes). So 100,000 records cost as much as the few that are alike.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from django.db import connection, transaction

from followups.indexes import born_on_index, phone_index
from followups.models import Client, ClientName, ContactWay, WayKind

# Below it two names share hardly more than a syllable; what only sounds alike is found by its sound.
_ALIKE: Final = 0.4
# How much each agreement says by itself, of 1; together they say 1 - Π(1 - weight). A name alone is never certainty, and
# neither is a telephone that people lend.
_NAME: Final = 0.75
_SOUND: Final = 0.3
_BORN_ON: Final = 0.7
_BORN_IN: Final = 0.3
_PHONE: Final = 0.65
# Two dates of birth that cannot both be right leave half of it.
_CONTRADICTED: Final = 0.5
LEAST: Final = 0.3
# So many are looked at more closely than the database can: it does not know dates of birth.
_LOOKED_AT: Final = 50
_WHOLE_DATE: Final = len("2000-01-01")

_CANDIDATES = """
WITH asked AS MATERIALIZED (
    SELECT name, dmetaphone(name) AS sound FROM unnest(%(names)s::text[]) AS given (name)
), by_name AS (
    SELECT near.client_id, near.text, asked.name, asked.sound FROM asked,
           LATERAL (SELECT client_id, text FROM followups_clientname WHERE text %% asked.name) AS near
    UNION
    SELECT near.client_id, near.text, asked.name, asked.sound FROM asked,
           LATERAL (SELECT client_id, text FROM followups_clientname WHERE dmetaphone(text) = asked.sound) AS near
     WHERE asked.sound <> ''
), evidence AS (
    SELECT client_id, similarity(text, name) AS name, (sound <> '' AND dmetaphone(text) = sound)::int AS sound,
           0 AS born_on, 0 AS phone
      FROM by_name
    UNION ALL
    SELECT id, 0, 0, 1, 0 FROM followups_client WHERE agency_id = %(agency)s AND born_on_index = %(born_on)s
    UNION ALL
    SELECT client_id, 0, 0, 0, 1 FROM followups_contactway
     WHERE value_index = ANY(%(phones)s::bytea[]) AND ended_at IS NULL
), together AS (
    SELECT client_id, max(name) AS name, max(sound) AS sound, max(born_on) AS born_on, max(phone) AS phone
      FROM evidence GROUP BY client_id
)
SELECT together.client_id, together.name, together.sound = 1, together.born_on = 1, together.phone = 1
  FROM together JOIN followups_client client ON client.id = together.client_id
 WHERE client.agency_id = %(agency)s AND client.merged_into_id IS NULL AND NOT client.id = ANY(%(but)s)
 ORDER BY (1 - %(w_name)s * together.name) * (1 - %(w_sound)s * together.sound) * (1 - %(w_born_on)s * together.born_on)
          * (1 - %(w_phone)s * together.phone), together.client_id
 LIMIT %(most)s
"""


class Found(NamedTuple):
    """
    What the indexes say of one record: how alike a name is, from 0 to 1, and what agrees.
    """

    client_id: int
    name: float
    sound: bool
    born_on: bool
    phone: bool


@dataclass(frozen=True, slots=True)
class Suggestion:
    """
    A record that might be of the same person: ``score`` from 0 to 1, and codes that say why.

    NAME_SAME, NAME_ALIKE, NAME_SOUNDS, BORN_ON_SAME, BORN_ON_FITS (a year against a date in it), BORN_ON_DIFFERS, PHONE_SAME.
    """

    client_id: int
    score: float
    reasons: tuple[str, ...]
    name: str = ""
    aliases: tuple[str, ...] = ()
    born_on: str = ""
    looks: str = ""
    known_as: str = field(default="")


def suggest(
    *,
    agency_id: int,
    names: Sequence[str] = (),
    born_on: str = "",
    phones: Sequence[str] = (),
    but: Collection[int] = (),
    most: int = 10,
) -> list[Suggestion]:
    """
    Return the records that what is known might be of, the likeliest first; none for whom only little speaks.

    ``born_on`` is an ISO 8601 date, or a year, or year and month. Records that were merged into others are not among them.
    """
    asked = [name for name in map(str.strip, names) if name]
    numbers = [index for index in map(phone_index, phones) if index is not None]
    index = born_on_index(born_on)
    if not asked and not numbers and index is None:
        return []
    found = candidates(agency_id, asked, index, numbers, but)
    clients = Client.objects.in_bulk([row.client_id for row in found])
    scored = [_scored(row, clients[row.client_id], born_on) for row in found]
    likely = sorted((one for one in scored if one.score >= LEAST), key=lambda one: (-one.score, one.client_id))[:most]
    return _named(likely, clients)


def known(*, agency_id: int, name: str, born_on: str = "", phone: str = "") -> list[Suggestion]:
    """
    Return the records of which somebody knows a name, letter by letter, and with it the whole date of birth or a phone.

    What else was asked changes nothing of the answer: a year that fits, or a date that does not, is told to nobody.
    """
    # More of one name than are suggested must not hide one that a date, right or wrong, would put among them.
    found = suggest(
        agency_id=agency_id, names=[name], born_on=born_on, phones=[phone] if phone else [], most=_LOOKED_AT
    )
    agree = {"PHONE_SAME", "BORN_ON_SAME"} if len(born_on) == _WHOLE_DATE else {"PHONE_SAME"}
    sure = [one for one in found if "NAME_SAME" in one.reasons and not agree.isdisjoint(one.reasons)]
    return sorted(sure, key=lambda one: one.client_id)


def like(client: Client, *, but: Collection[int] = (), most: int = 10) -> list[Suggestion]:
    """
    Return the records that might be of the same person as this one.
    """
    ways = ContactWay.objects.filter(client=client, kind=WayKind.PHONE, ended_at=None)
    return suggest(
        agency_id=client.agency_id,
        names=list(client.names.order_by("-primary", "pk").values_list("text", flat=True)),
        born_on=client.born_on,
        phones=[way.value for way in ways],
        but={client.pk, *but},
        most=most,
    )


def candidates(
    agency_id: int, names: list[str], born_on: bytes | None, phones: list[bytes], but: Collection[int] = ()
) -> list[Found]:
    """
    Return what indexes find, the likeliest first; dates of birth and phone numbers by their blind indexes.
    """
    given: dict[str, Any] = {
        "agency": agency_id,
        "names": names,
        "born_on": born_on,
        "phones": phones,
        "but": list(but),
        "w_name": _NAME,
        "w_sound": _SOUND,
        "w_born_on": _BORN_ON,
        "w_phone": _PHONE,
        "most": _LOOKED_AT,
    }
    # Local to a transaction: the operator that the index knows takes its threshold from a setting.
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('pg_trgm.similarity_threshold', %s, true)", [str(_ALIKE)])
        cursor.execute(_CANDIDATES, given)
        return [Found._make(row) for row in cursor.fetchall()]


def _scored(row: Found, client: Client, born_on: str) -> Suggestion:
    reasons, doubt = [], (1 - _NAME * row.name) * (1 - _SOUND * row.sound)
    if row.name >= 1:
        reasons.append("NAME_SAME")
    elif row.name >= _ALIKE:
        reasons.append("NAME_ALIKE")
    elif row.sound:
        reasons.append("NAME_SOUNDS")
    known = client.born_on
    contradicted = False
    if row.born_on:
        doubt *= 1 - _BORN_ON
        reasons.append("BORN_ON_SAME")
    elif born_on and known:
        if known.startswith(born_on) or born_on.startswith(known):
            doubt *= 1 - _BORN_IN
            reasons.append("BORN_ON_FITS")
        else:
            contradicted = True
            reasons.append("BORN_ON_DIFFERS")
    if row.phone:
        doubt *= 1 - _PHONE
        reasons.append("PHONE_SAME")
    score = (1 - doubt) * (_CONTRADICTED if contradicted else 1)
    return Suggestion(client.pk, round(score, 3), tuple(reasons))


def _named(likely: list[Suggestion], clients: dict[int, Client]) -> list[Suggestion]:
    names: dict[int, list[ClientName]] = {}
    ids = [one.client_id for one in likely]
    for row in ClientName.objects.filter(client__in=ids).order_by("-primary", "pk"):
        names.setdefault(row.client_id, []).append(row)
    return [
        replace(
            one,
            name=next((row.text for row in names.get(one.client_id, []) if row.primary), ""),
            aliases=tuple(row.text for row in names.get(one.client_id, []) if not row.primary),
            born_on=clients[one.client_id].born_on,
            looks=clients[one.client_id].looks,
            known_as=clients[one.client_id].known_as,
        )
        for one in likely
    ]
