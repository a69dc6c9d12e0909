"""
King County's organizations, as the project kingcounty.solutions publishes them (CSV, MIT), to HSDS's tables.

A row is an organization or a programme of one: here each is an organization that offers one service. It has topics, which
become terms of a taxonomy; an address on one line without a position; no hours. Its ids are made from its slugs, always the
same.
"""

import csv
import io
import re
from collections.abc import Mapping
from uuid import UUID, uuid5

from followups.hsds.reading import Unreadable
from followups.hsds.tables import Row, Tables

NAME = "King County Solutions"
CODE = "king-county-solutions"
LICENCE = "MIT"
_IDS = UUID("6a1e4d1c-5f0b-4f5e-9d0f-0b8d5b7d2a51")
_NEEDED = frozenset({"slug", "title", "topics", "address", "phone", "website", "description"})
_ADDRESS = re.compile(r"(?:(?P<street>.+),\s*)?(?P<city>[^,]+),\s*(?P<state>[A-Z]{2})\s+(?P<zip>\d{5}(?:-\d{4})?)")
_BOX = re.compile(r"\bP\.?\s*O\.?\s*Box\b", re.IGNORECASE)


def read_king_county(where: str, content: bytes) -> Tables:
    """
    Return the tables that the CSV file comes to.

    :raises Unreadable: it is not that file.
    """
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unreadable(f"{where} is no CSV in UTF-8: {error}") from error
    if missing := sorted(_NEEDED - set(reader.fieldnames or ())):
        raise Unreadable(f"{where} is not the file of organizations: it has no {', '.join(missing)}.")
    tables = Tables()
    taxonomy = _id("taxonomy", "topics")
    description = "What the organizations of kingcounty.solutions are about."
    tables.add("taxonomies", {"id": taxonomy, "name": f"{NAME}: topics", "description": description}, where=where)
    by_title = {row["title"]: row["slug"] for row in rows}
    for number, row in enumerate(rows, start=2):
        _add(
            tables, {name: (value or "").strip() for name, value in row.items() if name}, f"{where}:{number}", by_title
        )
    return tables


def _add(tables: Tables, row: Mapping[str, str], where: str, by_title: Mapping[str, str]) -> None:
    slug = row["slug"]
    # Without a slug it has no id that would be the same tomorrow; the tables say so.
    organization = _id("organization", slug) if slug else ""
    service, location = _id("service", slug), _id("location", slug)
    described = row["description"].replace("**", "")
    parent = by_title.get(row.get("parent_organization", ""))
    own: Row = {
        "id": organization,
        "name": row["title"],
        "alternate_name": row.get("acronym", ""),
        "description": described,
        "email": row.get("email", ""),
        "website": row["website"],
        "parent_organization_id": _id("organization", parent) if parent else "",
        "slug": slug,
        "type": row.get("type", ""),
    }
    tables.add("organizations", own, where=where)
    if not organization or not row["title"]:
        return
    offered: Row = {
        "id": service,
        "organization_id": organization,
        "name": row["title"],
        "description": described,
        "url": row["website"],
        "email": row.get("email", ""),
        "status": "active",
    }
    tables.add("services", offered, where=where)
    for area in _listed(row.get("jurisdictions", "")):
        named = {"id": _id("area", slug, area), "service_id": service, "name": area}
        tables.add("service_areas", named, where=where)
    for topic in _listed(row["topics"]):
        _add_topic(tables, service, topic, where)
    if row["phone"]:
        said: Row = {"id": _id("phone", slug), "service_id": service, "number": row["phone"], "type": "voice"}
        tables.add("phones", said, where=where)
    if row["address"]:
        kind = "postal" if _BOX.search(row["address"]) else "physical"
        tables.add("locations", {"id": location, "organization_id": organization, "location_type": kind}, where=where)
        tables.add(
            "addresses",
            {"id": _id("address", slug), "location_id": location, **_address(row["address"], kind)},
            where=where,
        )
        at: Row = {"id": _id("place", slug), "service_id": service, "location_id": location}
        tables.add("service_at_location", at, where=where)


def _add_topic(tables: Tables, service: str, topic: str, where: str) -> None:
    term = _id("topic", topic)
    named: Row = {"id": term, "name": topic, "description": topic, "taxonomy_id": _id("taxonomy", "topics")}
    tables.add("taxonomy_terms", named, where=where)
    linked: Row = {
        "id": _id("attribute", service, topic),
        "link_id": service,
        "link_entity": "service",
        "taxonomy_term_id": term,
    }
    tables.add("attributes", linked, where=where)


def _address(text: str, kind: str) -> Row:
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return {"address_1": text, "country": "US", "address_type": kind}
    return {
        "address_1": match["street"],
        "city": match["city"].strip(),
        "state_province": match["state"],
        "postal_code": match["zip"],
        "country": "US",
        "address_type": kind,
    }


def _listed(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(";") if part.strip()))


def _id(*parts: str) -> str:
    return str(uuid5(_IDS, "/".join(parts)))
