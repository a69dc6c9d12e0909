"""
Dispatch in the admin site: policies are tried and switched on, flags resolved, the rest is looked at.
"""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from dispatch.admin import LookOnly
from dispatch.catalogue import seattle_2025
from dispatch.models import Assignment, CallType, Flag, Origin, Policy
from journal.door import open_door
from journal.models import Entry
from responders.models import RoleName
from tests.conftest import NOON
from tests.factories import dispatch as factory
from tests.factories import responders
from tests.factories.dispatch import Scene
from tests.replica import bodies
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene() -> Scene:
    """
    Return the administrator's agency at work.
    """
    return factory.scene()


@pytest.fixture
def site(scene: Scene) -> Client:
    """
    Return a browser in which an administrator is signed in.
    """
    return desk_client(responders.person(scene.agency, RoleName.ADMIN))


def page(model: Any, view: str, *args: Any) -> str:
    """
    Return the address of a page of the admin site.
    """
    return reverse(f"admin:dispatch_{model._meta.model_name}_{view}", args=args)


def draft(scene: Scene, *, name: str = "Ours", version: int = 1) -> Policy:
    """
    Return a draft that can be used.
    """
    with open_door(by=factory.SCENE, at=NOON):
        return Policy.objects.create(agency=scene.agency, name=name, version=version, rules=seattle_2025())


def act(site: Client, model: Any, action: str, *chosen: int) -> str:
    """
    Run an action of a list, and return the page that says what came of it.
    """
    answer = site.post(
        page(model, "changelist"), {"action": action, "_selected_action": chosen}, follow=True, secure=True
    )
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_page_is_shown(site: Client, scene: Scene) -> None:
    held = factory.assignment(scene, origin=Origin.POACHED)
    draft(scene)

    for model, page_of in admin.site._registry.items():
        if model._meta.app_label != "dispatch":
            continue
        assert site.get(page(model, "changelist"), secure=True).status_code == 200
        if isinstance(page_of, LookOnly):
            assert site.get(page(model, "add"), secure=True).status_code == 403
    assert site.get(page(Assignment, "change", held.pk), secure=True).status_code == 200
    assert site.post(page(Assignment, "change", held.pk), {}, secure=True).status_code == 403
    assert site.get(page(Assignment, "delete", held.pk), secure=True).status_code == 403


def test_another_agencys_rows_are_not_there(site: Client) -> None:
    elsewhere = factory.scene()
    held = factory.assignment(elsewhere)

    assert held.call.number not in site.get(page(Assignment, "changelist"), secure=True).content.decode()
    assert site.get(page(Assignment, "change", held.pk), secure=True).status_code == 302


def test_a_type_changes_its_color_and_keeps_its_code(site: Client, scene: Scene) -> None:
    type_ = factory.call_type(scene.agency, code="TRESPASS")

    site.post(page(CallType, "change", type_.pk), {"label": "Trespass", "color": "RED"}, secure=True)

    type_.refresh_from_db()
    assert (type_.code, type_.color) == ("TRESPASS", "RED")
    assert bodies(f"reference.{scene.agency.pk}", "call_type")[str(type_.pk)]["color"] == "RED"
    assert Entry.objects.filter(kind="admin.changed", about=f"calltype.{type_.pk}").exists()


def test_a_policy_is_written_as_the_next_draft_of_its_name(site: Client, scene: Scene) -> None:
    draft(scene)
    given = {"agency": scene.agency.pk, "name": "Ours", "rules": json.dumps(seattle_2025())}

    site.post(page(Policy, "add"), given, secure=True)

    made = Policy.objects.get(agency=scene.agency, version=2)
    assert (made.name, made.in_force_from, made.rules) == ("Ours", None, seattle_2025())
    refused = site.post(page(Policy, "add"), given | {"rules": '{"nonsense": 1}'}, secure=True)
    assert "nonsense" in refused.content.decode()
    assert Policy.objects.filter(agency=scene.agency).count() == 2


def test_a_policy_is_tried_before_it_is_switched_on(site: Client, scene: Scene) -> None:
    policy, other = draft(scene), draft(scene, version=2)

    assert "of 0 calls, 0 would change" in act(site, Policy, "try_on_past_calls", policy.pk)
    assert "Choose one policy" in act(site, Policy, "switch_on", policy.pk, other.pk)
    assert "is in force" in act(site, Policy, "switch_on", policy.pk)
    policy.refresh_from_db()
    assert policy.in_force_from is not None
    in_force_from = policy.in_force_from

    assert act(site, Policy, "switch_on", policy.pk)
    policy.refresh_from_db()
    assert policy.in_force_from == in_force_from
    # Decisions rest on it: it is not changed any more.
    assert site.post(page(Policy, "change", policy.pk), {"rules": "{}"}, secure=True).status_code == 403
    assert site.post(page(Policy, "delete", policy.pk), {"post": "yes"}, secure=True).status_code == 403
    assert site.post(page(Policy, "delete", other.pk), {"post": "yes"}, secure=True).status_code == 302
    assert not Policy.objects.filter(pk=other.pk).exists()


def test_a_flag_is_resolved_by_who_looked_at_it(site: Client, scene: Scene) -> None:
    held, elsewhere = factory.assignment(scene), factory.assignment(factory.scene())
    with open_door(by=factory.SCENE, at=NOON):
        mine, other = (
            Flag.objects.create(call=row.call, code="late", at=NOON - timedelta(hours=1)) for row in (held, elsewhere)
        )

    act(site, Flag, "resolve", mine.pk, other.pk)
    act(site, Flag, "resolve", mine.pk)

    mine.refresh_from_db()
    other.refresh_from_db()
    assert mine.resolved_by is not None
    assert other.resolved_at is None
    assert bodies(f"supervisors.{scene.agency.pk}", "flag") == {}
    assert Entry.objects.filter(kind="flag.settled").count() == 1
    assert site.get(page(Flag, "add"), secure=True).status_code == 403
    assert site.post(page(Flag, "delete", mine.pk), {"post": "yes"}, secure=True).status_code == 403
