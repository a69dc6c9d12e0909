"""
What tablets hold of the directory: one document for each service at a place, small enough that thousands fit.

What is empty is left out. A body reads what hangs on its line of the directory; all of it is written under the lock of its
source, and marks the line (followups/migrations/0005_directory_marks.py).
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db.models import Q

from followups.models import Language, Phone, Schedule, ServiceAtLocation, ServiceNeed, ServiceStatus
from journal.subjects import Held

# Of what a source says at length a tablet has the beginning; its website has the rest.
_ABOUT_CHARS = 320
_LINE_CHARS = 200
_PHONES = 4
_SCHEDULES = 14
_LANGUAGES = 12
_NOT_TO_CALL = frozenset({"fax", "pager"})


def of_resources(ids: Sequence[int]) -> Iterator[Held]:
    """
    Yield what is offered now, to whoever may look things up. What is retired, or not offered for now or for good, is not.
    """
    rows = list(
        ServiceAtLocation.objects.filter(pk__in=ids, retired_at=None, service__retired_at=None)
        .exclude(service__status__in=[ServiceStatus.INACTIVE, ServiceStatus.DEFUNCT])
        .select_related("source", "service__organization", "location")
        .order_by("pk")
    )
    belonging = _Belonging(rows)
    for row in rows:
        yield Held(f"directory.{row.source.agency_id}", "resource", str(row.pk), row.pk, _body(row, belonging))


def _body(row: ServiceAtLocation, belonging: "_Belonging") -> dict[str, Any]:
    service, location = row.service, row.location
    organization = service.organization
    body: dict[str, Any] = {
        "name": service.name,
        "organization": organization.name if organization is not None and organization.name != service.name else "",
        "needs": belonging.needs[service.pk],
        "about": _short(row.description or service.description, _ABOUT_CHARS),
        "alert": _short(service.alert, _LINE_CHARS),
        "eligibility": _short(service.eligibility, _LINE_CHARS),
        "ages": _ages(service.minimum_age, service.maximum_age),
        "languages": _languages(belonging, row),
        "how": _short(service.application_process, _LINE_CHARS),
        "fees": _short(service.fees, _LINE_CHARS),
        "phones": _phones(belonging, row),
        "url": service.url or (organization.website if organization is not None else ""),
        "closed": service.status == ServiceStatus.TEMPORARILY_CLOSED,
        "as_of": service.as_of,
        "source": row.source.name,
    }
    if location is not None:
        body["place"] = "" if location.name in {service.name, body["organization"]} else location.name
        body["address"] = location.address
        if location.point is not None:
            body["point"] = [round(location.point.x, 6), round(location.point.y, 6)]
    schedules = belonging.schedules_of(row)
    body["schedules"] = [_schedule(one) for one in schedules[:_SCHEDULES] if one.clear]
    # Of what is not said clearly enough to reckon with nobody may be told that it is closed.
    body["unclear"] = len(schedules) > _SCHEDULES or any(not one.clear for one in schedules)
    said = dict.fromkeys(one.description for one in schedules if one.description)
    body["hours"] = _short(" · ".join(said), _LINE_CHARS)
    return {name: value for name, value in body.items() if value not in ("", None, [], False)}


class _Belonging:
    """
    What hangs on lines of the directory and on what they are of, read at once for all.
    """

    def __init__(self, rows: Sequence[ServiceAtLocation]) -> None:
        self.needs: dict[int, list[str]] = defaultdict(list)
        places = [row.pk for row in rows]
        services = {row.service_id for row in rows}
        locations = {row.location_id for row in rows if row.location_id is not None}
        organizations = {row.service.organization_id for row in rows if row.service.organization_id is not None}
        for service, need in (
            ServiceNeed.objects.filter(service__in=services).order_by("need").values_list("service", "need")
        ):
            self.needs[service].append(need)
        of_place = Q(service_at_location__in=places) | Q(service__in=services) | Q(location__in=locations)
        self._phones = list(
            Phone.objects.filter(of_place | Q(organization__in=organizations)).order_by("their_id", "number", "pk")
        )
        self._schedules = list(
            Schedule.objects.filter(of_place).order_by("their_id", "byday", "opens_at", "closes_at", "pk")
        )
        self._languages = list(
            Language.objects.filter(Q(service__in=services) | Q(location__in=locations)).order_by("code", "name", "pk")
        )
        self._by: dict[tuple[str, str, int], list[Any]] = defaultdict(list)
        for kind, found in (("phone", self._phones), ("schedule", self._schedules), ("language", self._languages)):
            for one in found:
                for parent in ("service_at_location", "service", "location", "organization"):
                    key = getattr(one, f"{parent}_id", None)
                    if key is not None:
                        self._by[kind, parent, key].append(one)

    def phones_of(self, row: ServiceAtLocation) -> Iterator[Phone]:
        """
        Yield the numbers to try, those of the service at this place first.
        """
        for parent, key in _parents(row):
            yield from self._by.get(("phone", parent, key), ())

    def schedules_of(self, row: ServiceAtLocation) -> list[Schedule]:
        """
        Return what says when it is open: of the service here, else of the service, else of the place.
        """
        for parent, key in _parents(row):
            if found := self._by.get(("schedule", parent, key)):
                return found
        return []

    def languages_of(self, row: ServiceAtLocation) -> Iterator[Language]:
        """
        Yield what is spoken.
        """
        for parent, key in _parents(row):
            yield from self._by.get(("language", parent, key), ())


def _parents(row: ServiceAtLocation) -> Iterator[tuple[str, int]]:
    yield "service_at_location", row.pk
    yield "service", row.service_id
    if row.location_id is not None:
        yield "location", row.location_id
    if row.service.organization_id is not None:
        yield "organization", row.service.organization_id


def _phones(belonging: _Belonging, row: ServiceAtLocation) -> list[dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for phone in belonging.phones_of(row):
        number = _dialled(phone.number)
        if not number or phone.type.lower() in _NOT_TO_CALL or number in found:
            continue
        said = {"number": number, "shown": phone.number.strip(' "'), "extension": phone.extension}
        said["type"] = "" if phone.type.lower() == "voice" else phone.type
        said["words"] = _short(phone.description, 60)
        found[number] = {name: value for name, value in said.items() if value and (name, value) != ("shown", number)}
    return list(found.values())[:_PHONES]


def _dialled(number: str) -> str:
    """
    Return what a telephone dials: digits, with a plus before them where there was one. Empty where that is no number.
    """
    digits = re.sub(r"\D", "", number)
    plus = "+" if number.strip(' "').startswith("+") else ""
    return f"{plus}{digits}" if 3 <= len(digits) <= 15 else ""


def _languages(belonging: _Belonging, row: ServiceAtLocation) -> list[str]:
    said = (one.code or one.name for one in belonging.languages_of(row))
    return list(dict.fromkeys(_short(language, 40) for language in said if language))[:_LANGUAGES]


def _ages(least: Any, most: Any) -> list[float | int | None] | None:
    if least is None and most is None:
        return None
    return [None if age is None else int(age) if age == int(age) else float(age) for age in (least, most)]


def _schedule(row: Schedule) -> Mapping[str, Any]:
    said = {
        "freq": row.freq.upper() if row.freq.upper() == "MONTHLY" else "",
        "interval": row.interval if row.interval != 1 else None,
        "dtstart": row.dtstart if (row.interval or 1) > 1 else None,
        "wkst": row.wkst.upper() if (row.interval or 1) > 1 else "",
        "byday": _packed(row.byday),
        "bymonthday": _packed(row.bymonthday),
        "opens_at": f"{row.opens_at:%H:%M}",
        "closes_at": f"{row.closes_at:%H:%M}",
        "valid_from": row.valid_from,
        "valid_to": min((day for day in (row.valid_to, row.until) if day is not None), default=None),
    }
    return {name: value for name, value in said.items() if value not in ("", None)}


def _packed(text: str) -> str:
    return re.sub(r"\s", "", text).upper()


def _short(text: str, most: int) -> str:
    """
    Return a text on one line, cut behind a word where it is longer than fits.
    """
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    return f"{line[: most - 1].rsplit(' ', 1)[0].rstrip(',;:. ')}…"
