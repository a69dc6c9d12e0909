"""
The tables of HSDS 3.0, their columns in the standard's order, and how they hang together.

Source: the schemas and examples of https://github.com/openreferral/specification (3.0).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

Row = dict[str, Any]
# HSDS has UUIDs; whatever else is used, an index has to hold it.
_LONGEST_ID = 200

# What every table may have beside its own: their rows name whatever they are about.
ABOUT_ANYTHING = MappingProxyType({"attributes": "link_id", "metadata": "resource_id"})


@dataclass(frozen=True, slots=True)
class Table:
    """
    One table: ``lists`` are its children in nested JSON and how those name it, ``parts`` the single rows that it names.
    """

    name: str
    columns: tuple[str, ...]
    lists: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    parts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    required: tuple[str, ...] = ("id",)


def _table(name: str, columns: str, *, required: str = "id", lists: str = "", parts: str = "") -> Table:
    # `lists`: key=table.column that names this one. `parts`: key=table.column of this one that names it.
    def split(text: str) -> dict[str, tuple[str, str]]:
        pairs = (one.split("=") for one in text.split())
        return {key: (where.split(".")[0], where.split(".")[1]) for key, where in pairs}

    return Table(name, tuple(columns.split()), split(lists), split(parts), tuple(required.split()))


_DECLARED = (
    _table(
        "organizations",
        "id name alternate_name description email website tax_status tax_id year_incorporated legal_status logo uri"
        " parent_organization_id",
        required="id name",
        lists="funding=funding.organization_id contacts=contacts.organization_id phones=phones.organization_id"
        " locations=locations.organization_id programs=programs.organization_id"
        " organization_identifiers=organization_identifiers.organization_id services=services.organization_id",
    ),
    _table("programs", "id organization_id name alternate_name description", required="id name"),
    _table(
        "services",
        "id organization_id program_id name alternate_name description url email status interpretation_services"
        " application_process fees_description wait_time fees accreditations eligibility_description minimum_age"
        " maximum_age assured_date assurer_email licenses alert last_modified",
        required="id name",
        lists="phones=phones.service_id schedules=schedules.service_id service_areas=service_areas.service_id"
        " service_at_locations=service_at_location.service_id languages=languages.service_id"
        " funding=funding.service_id cost_options=cost_options.service_id"
        " required_documents=required_documents.service_id contacts=contacts.service_id",
        parts="organization=organizations.organization_id program=programs.program_id",
    ),
    _table(
        "service_at_location",
        "id service_id location_id description",
        lists="contacts=contacts.service_at_location_id phones=phones.service_at_location_id"
        " schedules=schedules.service_at_location_id",
        parts="location=locations.location_id service=services.service_id",
    ),
    _table(
        "locations",
        "id location_type url organization_id name alternate_name description transportation latitude longitude"
        " external_identifier external_identifier_type",
        lists="languages=languages.location_id addresses=addresses.location_id contacts=contacts.location_id"
        " accessibility=accessibility.location_id phones=phones.location_id schedules=schedules.location_id",
    ),
    _table(
        "phones",
        "id location_id service_id organization_id contact_id service_at_location_id number extension type description",
        required="id number",
        lists="languages=languages.phone_id",
    ),
    _table(
        "contacts",
        "id organization_id service_id service_at_location_id location_id name title department email",
        lists="phones=phones.contact_id",
    ),
    _table(
        "addresses",
        "id location_id attention address_1 address_2 city region state_province postal_code country address_type",
    ),
    _table(
        "schedules",
        "id service_id location_id service_at_location_id valid_from valid_to dtstart timezone until count wkst freq"
        " interval byday byweekno bymonthday byyearday description opens_at closes_at schedule_link attending_type notes",
    ),
    _table("funding", "id organization_id service_id source"),
    _table("service_areas", "id service_id name description extent extent_type uri"),
    _table("required_documents", "id service_id document uri"),
    _table("languages", "id service_id location_id phone_id name code note"),
    _table("accessibility", "id location_id description details url"),
    _table("cost_options", "id service_id valid_from valid_to option currency amount amount_description"),
    _table("organization_identifiers", "id organization_id identifier_scheme identifier_type identifier"),
    _table(
        "attributes",
        "id link_id taxonomy_term_id link_type link_entity value",
        parts="taxonomy_term=taxonomy_terms.taxonomy_term_id",
    ),
    _table(
        "taxonomy_terms",
        "id code name description parent_id taxonomy language taxonomy_id term_uri",
        parts="taxonomy_detail=taxonomies.taxonomy_id",
    ),
    _table("taxonomies", "id name description uri version"),
    _table(
        "metadata",
        "id resource_id resource_type last_action_date last_action_type field_name previous_value replacement_value"
        " updated_by",
    ),
    _table("meta_table_descriptions", "id name language character_set"),
)
TABLES: Mapping[str, Table] = MappingProxyType({table.name: table for table in _DECLARED})
# Numbers by the standard's schemas; CSV has them as text.
NUMBERS = frozenset(
    {
        *{("organizations", "year_incorporated"), ("services", "minimum_age"), ("services", "maximum_age")},
        *{("phones", "extension"), ("locations", "latitude"), ("locations", "longitude")},
        *{("schedules", "timezone"), ("schedules", "count"), ("schedules", "interval"), ("cost_options", "amount")},
    }
)
# What is named by the rows of ABOUT_ANYTHING, as the standard's examples call them.
ENTITIES = MappingProxyType(
    {
        **{name: name for name in TABLES},
        "organization": "organizations",
        "program": "programs",
        "service": "services",
        "location": "locations",
        "phone": "phones",
        "contact": "contacts",
        "address": "addresses",
        "schedule": "schedules",
        "service_area": "service_areas",
        "required_document": "required_documents",
        "language": "languages",
        "cost_option": "cost_options",
        "organization_identifier": "organization_identifiers",
        "attribute": "attributes",
        "taxonomy_term": "taxonomy_terms",
        "taxonomy": "taxonomies",
    }
)
_PARENTS = MappingProxyType(
    {
        name: frozenset(column for table in TABLES.values() for child, column in table.lists.values() if child == name)
        for name in TABLES
    }
)


@dataclass(frozen=True, slots=True)
class Problem:
    """
    What could not be understood of one record. One that was left out is ``lost``; of any other only the field was not
    used, and an export gives it back as it came.
    """

    where: str
    table: str
    id: str
    words: str
    lost: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.table} {self.id or 'without id'}: {self.words}"


class Tables:
    """
    What was read of a source: rows by table and id, in the order in which they came, and what could not be understood.

    A record that occurs several times is one row that names all its parents. Where one parent's name stands already, the row
    stands twice, as HSDS's own tables have it.
    """

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, list[Row]]] = {name: {} for name in TABLES}
        # Rows about anything: which table their parent is in, where that is known.
        self._about: dict[tuple[str, str, str], str] = {}
        self.problems: list[Problem] = []

    def rows(self, table: str) -> Iterator[Row]:
        """
        Yield a table's rows.
        """
        for same in self._rows[table].values():
            yield from same

    def ids(self, table: str) -> set[str]:
        """
        Return the ids of a table's rows.
        """
        return set(self._rows[table])

    def __len__(self) -> int:
        return sum(len(same) for table in self._rows.values() for same in table.values())

    def add(self, table: str, row: Row, *, where: str, parent_table: str = "") -> None:
        """
        Add a row, or what it says anew of one that is there. ``parent_table`` is of a row about anything.

        A row without what its table requires is left out, and is a problem.
        """
        row = {name: value for name, value in row.items() if value is not None and value != ""}
        identity = row.get("id")
        if isinstance(identity, int):
            identity = str(identity)
        missing = [name for name in TABLES[table].required if name not in row]
        if missing or not isinstance(identity, str) or len(identity) > _LONGEST_ID:
            words = f"{', '.join(missing)} missing" if missing else "its id is no text, or longer than 200 characters"
            self.problems.append(Problem(where, table, str(row.get("id", "")), words, lost=True))
            return
        row["id"] = identity
        if table in ABOUT_ANYTHING and parent_table:
            self._about[table, identity, str(row.get(ABOUT_ANYTHING[table], ""))] = parent_table
        same = self._rows[table].setdefault(identity, [])
        for known in same:
            names = _PARENTS[table] | ({ABOUT_ANYTHING[table]} if table in ABOUT_ANYTHING else set())
            if all(known.get(name, row[name]) == row[name] for name in names & row.keys()):
                known |= {name: value for name, value in row.items() if name not in known}
                differs = sorted(name for name, value in row.items() if known[name] != value)
                if differs:
                    words = f"said twice, and {', '.join(differs)} not the same: the first is kept"
                    self.problems.append(Problem(where, table, identity, words))
                return
        same.append(row)

    def parent_table(self, table: str, row: Row) -> str:
        """
        Return the table of what a row is about: as it was nested, as it says itself, else whichever has such an id.
        """
        parent = str(row.get(ABOUT_ANYTHING[table], ""))
        if known := self._about.get((table, row["id"], parent)):
            return known
        said = ENTITIES.get(str(row.get("link_entity" if table == "attributes" else "resource_type", "")))
        candidates: Iterable[str] = [said] if said else []
        return next((name for name in (*candidates, *TABLES) if parent in self._rows[name]), "")
