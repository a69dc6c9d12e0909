"""
The admin site writes through a door, says so in the journal, and shows an administrator only their own agency.

How people get into the site at all is tested in tests/security.
"""

import json
from datetime import date, time
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from journal.models import Document, Entry
from responders.admin import AreaField, DoorAdmin
from responders.models import Agency, Duty, OpeningHours, Person, Role, ServiceArea, Shift, Unit
from tests.factories import responders as make
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db

WKT = "MULTIPOLYGON (((-122.34 47.6, -122.32 47.6, -122.32 47.62, -122.34 47.62, -122.34 47.6)))"


@pytest.fixture
def agency() -> Agency:
    """
    Return the administrator's agency.
    """
    return make.agency()


@pytest.fixture
def administrator(agency: Agency) -> Person:
    """
    Return the administrator.
    """
    return make.person(agency, "ADMIN", name="Administrator")


@pytest.fixture
def site(administrator: Person) -> Client:
    """
    Return a browser in which the administrator is signed in.
    """
    return desk_client(administrator)


def page(model: Any, view: str, *args: Any) -> str:
    """
    Return the address of a page of the admin site.
    """
    return reverse(f"admin:responders_{model._meta.model_name}_{view}", args=args)


def post(site: Client, model: Any, view: str, *args: Any, **data: Any) -> None:
    """
    Send a form and expect that it was taken.
    """
    answer = site.post(page(model, view, *args), data)
    errors = answer.context and [
        form.errors
        for form in [answer.context["adminform"].form, *answer.context["inline_admin_formsets"]]
        if hasattr(form, "errors")
    ]
    assert answer.status_code == 302, errors


def formset(prefix: str, *rows: Any, initial: int = 0) -> dict[str, Any]:
    """
    Return the fields of an inline formset.
    """
    fields = {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": initial}
    for number, row in enumerate(rows):
        fields |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return fields


def last_entry() -> Entry:
    """
    Return the newest entry.
    """
    return Entry.objects.latest("pk")


def test_a_unit_added_with_its_areas_is_one_entry_and_on_every_screen(
    site: Client, agency: Agency, administrator: Person
) -> None:
    area = make.area(agency)
    before = Entry.objects.count()

    post(site, Unit, "add", agency=agency.pk, call_sign="CARE 11", capabilities=["PEER", "MEDICAL"], areas=[area.pk])

    unit = Unit.objects.get(call_sign="CARE 11")
    assert unit.capabilities == ["PEER", "MEDICAL"]
    assert Entry.objects.count() == before + 1
    entry = last_entry()
    assert (entry.kind, entry.about, entry.by) == ("admin.added", f"unit.{unit.pk}", f"person:{administrator.pk}")
    streams = Document.objects.filter(collection="unit", document_id=str(unit.pk)).values_list("stream", flat=True)
    assert set(streams) == {
        f"desk.{agency.pk}",
        f"supervisors.{agency.pk}",
        f"unit.{unit.pk}",
        f"area.{area.pk}",
    }


def test_areas_taken_from_a_unit_leave_its_documents_in_the_same_change(site: Client, agency: Agency) -> None:
    unit = make.unit(agency, areas=[make.area(agency)])
    [area] = unit.areas.all()

    post(site, Unit, "change", unit.pk, crew_minimum=1)

    document = Document.objects.get(stream=f"area.{area.pk}", collection="unit")
    assert document.gone == "admin.changed"
    assert last_entry().data == {"changes": [{"what": "changed", "model": None, "fields": ["Areas", "Crew minimum"]}]}


def test_a_call_sign_stays_as_it_was_made(site: Client, agency: Agency) -> None:
    unit = make.unit(agency, call_sign="CARE 1")

    post(site, Unit, "change", unit.pk, call_sign="CARE 2", outside="on")

    unit.refresh_from_db()
    assert (unit.call_sign, unit.outside) == ("CARE 1", False)


def test_a_form_never_undoes_what_a_crew_says_of_its_unit(site: Client, agency: Agency) -> None:
    unit = make.crewed_unit(agency)

    post(site, Unit, "change", unit.pk, duty=Duty.OUT_OF_SERVICE, crew_minimum=1)

    unit.refresh_from_db()
    assert (unit.duty, unit.crew_minimum) == (Duty.AVAILABLE, 1)


def test_a_form_with_a_mistake_changes_nothing(site: Client, agency: Agency) -> None:
    unit = make.unit(agency, call_sign="CARE 1")
    before = Entry.objects.count()

    answer = site.post(page(Unit, "add"), {"agency": agency.pk, "call_sign": "CARE 1"})

    assert answer.status_code == 200
    assert "already exists" in answer.content.decode()
    assert list(Unit.objects.all()) == [unit]
    assert Entry.objects.count() == before


def test_a_form_that_changes_nothing_is_no_entry(site: Client, agency: Agency) -> None:
    unit = make.unit(agency)
    before = Entry.objects.count()

    post(site, Unit, "change", unit.pk)

    assert Entry.objects.count() == before


def test_a_unit_made_by_mistake_can_be_deleted(site: Client, agency: Agency) -> None:
    unit = make.unit(agency)

    post(site, Unit, "delete", unit.pk, post="yes")

    assert not Unit.objects.exists()
    assert last_entry().kind == "admin.deleted"
    gone = Document.objects.filter(collection="unit").values_list("gone", flat=True)
    assert set(gone) == {"admin.deleted"}


def test_rows_chosen_in_the_list_are_deleted_with_an_entry_each(site: Client, agency: Agency) -> None:
    chosen, kept = [make.unit(agency), make.unit(agency)], make.unit(agency)
    foreign = make.unit(make.agency())
    before = Entry.objects.count()
    ids = [unit.pk for unit in [*chosen, foreign]]

    post(site, Unit, "changelist", action="delete_selected", _selected_action=ids, post="yes")

    assert set(Unit.objects.all()) == {kept, foreign}
    assert Entry.objects.count() == before + 2


def test_units_are_retired_from_the_list_except_those_with_a_crew(site: Client, agency: Agency) -> None:
    free, crewed = make.unit(agency), make.crewed_unit(agency)

    answer = site.post(
        page(Unit, "changelist"),
        {"action": "retire", "_selected_action": [free.pk, crewed.pk], "index": "0"},
        follow=True,
    )

    free.refresh_from_db()
    crewed.refresh_from_db()
    assert free.retired_at is not None
    assert crewed.retired_at is None
    assert last_entry().kind == "unit.retired"
    said = [str(message) for message in answer.context["messages"]]
    assert said == [
        f"{free.call_sign} is retired.",
        f"{crewed.call_sign}: Somebody is on shift on this unit. Sign them off first.",
    ]


def test_opening_hours_are_edited_on_the_areas_page(site: Client, agency: Agency) -> None:
    area = make.area(agency, always_open=False)
    monday = {"weekday": 0, "opens": "11:00", "closes": "23:00", "valid_from": "2023-10-01", "valid_to": ""}

    post(
        site,
        ServiceArea,
        "change",
        area.pk,
        agency=agency.pk,
        name=area.name,
        polygon=area.polygon.wkt,
        valid_from="2023-10-01",
        **formset("hours", monday),
    )

    assert list(OpeningHours.objects.values_list("area", "weekday", "opens")) == [(area.pk, 0, time(11))]
    assert last_entry().data == {"changes": [{"what": "added", "model": "opening hours", "fields": None}]}
    body = Document.objects.get(stream=f"reference.{agency.pk}", collection="area").body
    assert body is not None
    assert '"opens":"11:00"' in body


@pytest.mark.parametrize(
    "text",
    [
        WKT,
        json.dumps(
            {
                "type": "Polygon",
                "coordinates": [
                    [[-122.34, 47.6], [-122.32, 47.6], [-122.32, 47.62], [-122.34, 47.62], [-122.34, 47.6]]
                ],
            }
        ),
    ],
)
def test_an_area_is_added_from_text(site: Client, agency: Agency, text: str) -> None:
    post(
        site,
        ServiceArea,
        "add",
        agency=agency.pk,
        name="Downtown",
        polygon=text,
        valid_from="2023-10-01",
        **formset("hours"),
    )

    area = ServiceArea.objects.get()
    assert area.polygon.wkt == WKT
    assert Document.objects.filter(stream=f"reference.{agency.pk}", collection="area").exists()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("here and there", "neither GeoJSON nor WKT"),
        ("POINT (1 2)", "Only a Polygon or MultiPolygon"),
        ("MULTIPOLYGON EMPTY", "Only a Polygon or MultiPolygon"),
        ("POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))", "is not valid: Self-intersection"),
        ("POLYGON ((1269000 224000, 1270000 224000, 1270000 225000, 1269000 224000))", "longitude and latitude"),
        ("", "required"),
    ],
)
def test_text_that_is_no_area_is_answered_in_words(site: Client, agency: Agency, text: str, error: str) -> None:
    answer = site.post(
        page(ServiceArea, "add"),
        {"agency": agency.pk, "name": "Downtown", "polygon": text, "valid_from": "2023-10-01", **formset("hours")},
    )

    assert answer.status_code == 200
    assert error in answer.content.decode()
    assert not ServiceArea.objects.exists()


def test_two_versions_of_an_area_on_one_day_are_answered_in_words(site: Client, agency: Agency) -> None:
    make.area(agency, name="Downtown", valid_from=date(2025, 1, 1))

    answer = site.post(
        page(ServiceArea, "add"),
        {"agency": agency.pk, "name": "Downtown", "polygon": WKT, "valid_from": "2026-01-01", **formset("hours")},
    )

    assert answer.status_code == 200
    assert "responders_area_one_version_a_day" in answer.content.decode()


def test_the_same_polygon_spelt_otherwise_is_no_change() -> None:
    field = AreaField()
    polygon = field.to_python(WKT)

    assert not field.has_changed(polygon, WKT.replace("47.6,", "47.600,"))
    assert field.has_changed(polygon, WKT.replace("47.62", "47.63"))
    assert field.has_changed(polygon, "here and there")


def test_a_limit_of_the_agency_reaches_everybody(site: Client, agency: Agency) -> None:
    form = site.get(page(Agency, "change", agency.pk)).context["adminform"].form
    data = {name: value for name, value in form.initial.items() if value is not False and name in form.fields}

    post(site, Agency, "change", agency.pk, **data | {"deliver_s": 9})

    agency.refresh_from_db()
    assert agency.deliver_s == 9
    body = Document.objects.get(stream=f"reference.{agency.pk}", collection="agency").body
    assert body is not None
    assert '"deliver_s":9' in body


def test_a_new_person_has_their_roles_and_no_password_and_no_name_in_the_journal(site: Client, agency: Agency) -> None:
    post(
        site,
        Person,
        "add",
        agency=agency.pk,
        email="New.Person@Example.org",
        name="Responder Eleven",
        is_active="on",
        **formset("roles", {"name": "RESPONDER"}),
    )

    person = Person.objects.get(name="Responder Eleven")
    assert person.email == "new.person@example.org"
    assert not person.has_usable_password()
    assert list(person.roles.values_list("name", flat=True)) == ["RESPONDER"]
    entry = last_entry()
    assert entry.about == f"person.{person.pk}"
    assert "Eleven" not in json.dumps(entry.data)


def test_a_withdrawn_role_ends_the_persons_sessions(site: Client, agency: Agency) -> None:
    person = make.person(agency, "DISPATCHER")
    person.refresh_from_db()
    role = Role.objects.get(person=person)

    post(
        site,
        Person,
        "change",
        person.pk,
        agency=agency.pk,
        email=person.email,
        name=person.name,
        is_active="on",
        **formset("roles", {"id": role.pk, "person": person.pk, "name": "DISPATCHER", "DELETE": "on"}, initial=1),
    )

    epoch = person.access_epoch
    person.refresh_from_db()
    assert not person.roles.exists()
    assert person.access_epoch > epoch


@pytest.mark.parametrize(
    ("model", "view"), [(Agency, "add"), (Shift, "add"), (Person, "delete"), (Agency, "delete"), (Shift, "delete")]
)
def test_what_the_site_does_not_do_is_refused(
    site: Client, agency: Agency, administrator: Person, model: Any, view: str
) -> None:
    row = {Agency: agency, Person: administrator}.get(model) or make.crew(make.unit(agency), size=1)[0]
    before = Entry.objects.count()

    answer = site.post(page(model, view, *([] if view == "add" else [row.pk])), {"post": "yes"})

    assert answer.status_code == 403
    assert model.objects.filter(pk=row.pk).exists()
    assert Entry.objects.count() == before


def test_shifts_are_there_to_look_at(site: Client, agency: Agency) -> None:
    [shift] = make.crew(make.unit(agency), size=1)

    assert site.get(page(Shift, "changelist")).status_code == 200
    assert site.get(page(Shift, "change", shift.pk)).status_code == 200
    assert site.post(page(Shift, "change", shift.pk), {"end_reason": "LAPSED"}).status_code == 403


@pytest.mark.parametrize("model", [Agency, ServiceArea, Unit, Person, Shift])
def test_another_agencys_rows_are_not_there(site: Client, model: Any) -> None:
    other = make.agency()
    area = make.area(other)
    [shift] = make.crew(make.unit(other, areas=[area]), size=1)
    row = {Agency: other, ServiceArea: area, Unit: shift.unit, Person: shift.person, Shift: shift}[model]

    listed = site.get(page(model, "changelist")).context["cl"].queryset
    shown = site.get(page(model, "change", row.pk))
    changed = site.post(page(model, "change", row.pk), {"name": "Mine"})

    assert row not in listed
    # Like a row that does not exist.
    assert (shown.status_code, shown["Location"]) == (302, reverse("admin:index"))
    assert changed.status_code in (302, 403)
    row.refresh_from_db()
    assert getattr(row, "name", "") != "Mine"


def test_another_agencys_rows_are_no_choice_in_a_form(site: Client, agency: Agency) -> None:
    foreign = make.area(make.agency())

    answer = site.post(page(Unit, "add"), {"agency": foreign.agency_id, "call_sign": "CARE 1", "areas": [foreign.pk]})

    assert set(answer.context["adminform"].form.errors) == {"agency", "areas"}


def test_every_page_of_the_site_that_writes_our_tables_goes_through_a_door() -> None:
    ours = ("journal", "responders", "tablets", "dispatch", "followups", "dashboard")
    pages = [page for model, page in admin.site._registry.items() if model._meta.app_label in ours]

    assert pages
    assert [type(page).__name__ for page in pages if not isinstance(page, DoorAdmin)] == []


def test_a_page_is_read_without_a_door(site: Client, agency: Agency) -> None:
    unit = make.unit(agency)

    assert site.get(page(Unit, "change", unit.pk)).status_code == 200
    assert site.get(page(Unit, "changelist"), {"q": "CARE"}).status_code == 200
    assert site.get(page(ServiceArea, "change", make.area(agency).pk)).status_code == 200
    assert site.get(page(Person, "add")).status_code == 200
