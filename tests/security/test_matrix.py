"""
Every cell of matrix.yaml against the running site, and nothing on the site that is not in it.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import yaml
from django.test import Client

from journal.kinds import kinds
from responders import permissions
from tests.security.routes import Route, routes
from tests.security.world import BEARERS, NOBODYS, World, world

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
# The admin's some sixty addresses are one route, and the actions' forty views one class.
_FEWER_METHODS = ["GET", "POST", "DELETE"]

pytestmark = pytest.mark.django_db


@cache
def matrix() -> dict[str, Any]:
    """
    Return the file.
    """
    return dict(yaml.safe_load((Path(__file__).parent / "matrix.yaml").read_text()))


def who(cell: str | list[str] | None) -> set[str]:
    """
    Return the bearers that a cell names.
    """
    if cell is None:
        return set()
    return set(matrix()["groups"][cell] if isinstance(cell, str) else cell)


def test_every_route_and_kind_is_in_the_matrix_and_nothing_else() -> None:
    found = {route.route for route in routes()}

    actions = {f"action:{name}" for name in matrix()["actions"]}
    # The supervisor's page may have sections; a section is an address like the page.
    assert found == set(matrix()["pages"]) | set(matrix()["api"]) | actions
    assert set(kinds()) == set(matrix()["actions"])


def test_the_policy_grants_nothing_that_is_not_in_the_matrix() -> None:
    assert set(permissions.ACTIONS) == set(matrix()["actions"])
    listed = {name: cells for part in ("pages", "api") for name, cells in matrix()[part].items() if cells}
    assert set(permissions.ROUTES) == set(listed)
    assert {name: set(methods) for name, methods in permissions.ROUTES.items()} == {
        name: set(cells) for name, cells in listed.items()
    }


@pytest.mark.parametrize("bearer", BEARERS)
def test_every_bearer_is_let_into_its_pages_and_no_others(bearer: str) -> None:
    scene = world()
    client = scene.client(bearer)
    wrong = []

    for route in routes():
        if route.is_api:
            continue
        for method in _FEWER_METHODS if route.is_admin else METHODS:
            allowed = bearer in who(matrix()["pages"][route.route].get("GET" if method == "HEAD" else method))
            if route.is_admin and allowed and method == "POST":
                continue  # the admin's own forms are tested with the admin; this would change what they show
            if route.route == "account_logout" and allowed and method == "POST":
                continue  # it would end the session that the next cells need
            # Whoever goes through a door of the demo is somebody else afterwards.
            asking = scene.client(bearer) if route.route == "demo-enter" else client
            let_in = _let_into_page(asking, route, method)
            if let_in is not allowed:
                wrong.append((route.path, method, "let in" if let_in else "refused"))

    assert wrong == []


@pytest.mark.parametrize("bearer", BEARERS)
def test_every_bearer_is_let_into_its_api_routes_and_no_others(bearer: str) -> None:
    client = world().client(bearer)
    wrong = []

    for route in routes():
        if not route.is_api or route.route.startswith("action:"):
            continue
        for method in METHODS:
            # Signing off at the tablet or trading tokens would change who the bearer is.
            if route.route == "tablets.sign-off" and method == "POST" and bearer == "CREW":
                continue
            allowed = bearer in who(matrix()["api"][route.route].get("GET" if method == "HEAD" else method))
            let_in = _let_into_api(_ask(client, method, route.path))
            if let_in is not allowed:
                wrong.append((route.route, method, "let in" if let_in else "refused"))

    assert wrong == []


@pytest.mark.parametrize("bearer", BEARERS)
def test_every_bearer_may_do_its_actions_and_no_others(bearer: str) -> None:
    client = world().client(bearer)
    wrong = []

    for name, row in matrix()["actions"].items():
        for method in _FEWER_METHODS:
            allowed = method == "POST" and bearer in who(row["by"])
            # Without arguments: whoever is let in is told what is missing, and nothing happens.
            answer = _ask(client, method, f"/api/actions/{name}/", {"id": str(uuid4()), "args": {"nothing": 1}})
            if _let_into_api(answer) is not allowed:
                wrong.append((name, method, answer.status_code))

    assert wrong == []


@pytest.mark.parametrize("bearer", ["CREW", "DISPATCHER", "SUPERVISOR", "OFFICER", "ADMIN"])
def test_what_is_not_ones_own_answers_like_what_does_not_exist(bearer: str) -> None:
    scene = world()
    client = scene.client(bearer)
    wrong = []

    for name, row, relation, theirs in _hidden_cells(bearer, scene):
        args = _args(row["args"], theirs, scene, bearer)
        nobodys = {thing: str(UUID(int=NOBODYS)) if thing == "encounter" else NOBODYS for thing in theirs}
        absent = _args(row["args"], nobodys, scene, bearer)
        forbidden_answer, absent_answer = _do(client, name, args), _do(client, name, absent)
        if forbidden_answer != absent_answer or forbidden_answer[0] not in {403, 404}:
            wrong.append((name, relation, forbidden_answer, absent_answer))

    assert wrong == []


def _hidden_cells(bearer: str, scene: World) -> Iterator[tuple[str, dict[str, Any], str, dict[str, int]]]:
    for name, row in matrix()["actions"].items():
        if bearer not in who(row["by"]):
            continue
        if "OTHER_AGENCY" in row["hidden"]:
            yield name, row, "OTHER_AGENCY", scene.of_other_agency
        if "OTHER_UNIT" in row["hidden"] and bearer == "CREW":
            yield name, row, "OTHER_UNIT", scene.of_other_unit


def _args(template: dict[str, Any], theirs: Mapping[str, Any], scene: World, bearer: str) -> dict[str, Any]:
    # The thing itself is theirs; the unit that a request is for is one's own, unless the unit is the thing.
    given = {key: value[0] if isinstance(value, list) else value for key, value in template.items()}
    names = [value.strip("{}") for value in given.values() if isinstance(value, str) and value.startswith("{")]
    thing = next((name for name in names if name != "unit"), "unit")
    args: dict[str, Any] = {}
    for key, value in given.items():
        if bearer == "CREW" and key in {"unit", "asked_by"} and thing != "unit":
            continue  # a tablet is its own unit
        if isinstance(value, str) and value.startswith("{"):
            name = value.strip("{}")
            found = theirs[name] if name == thing else scene.things[name]
            args[key] = [found] if isinstance(template[key], list) else found
        else:
            args[key] = template[key]
    return args


def _do(client: Client, kind: str, args: dict[str, Any]) -> tuple[int, str]:
    answer = _ask(client, "POST", f"/api/actions/{kind}/", {"id": str(uuid4()), "args": args})
    text = answer.content.decode()
    # The id that was asked for may be repeated in the answer; it is the only difference allowed.
    for value in [part for given in args.values() for part in (given if isinstance(given, list) else [given])]:
        if isinstance(value, int) and not isinstance(value, bool):
            text = text.replace(str(value), "#")
    return answer.status_code, text


def _ask(client: Client, method: str, path: str, body: object = None) -> Any:
    if method in {"GET", "HEAD"}:
        answer = client.generic(method, path)
    else:
        answer = client.generic(method, path, json.dumps({} if body is None else body), "application/json")
    assert answer.status_code < 500 or answer.status_code == 503, (method, path, answer.content)
    return answer


def _let_into_api(answer: Any) -> bool:
    if answer.status_code in {401, 403} and b'"status":"refused"' in answer.content:
        # A rule behind the door said no; the policy had let it through.
        return b'"code":"not_allowed"' not in answer.content
    return answer.status_code not in {401, 403, 405}


def _let_into_page(client: Client, route: Route, method: str) -> bool:
    answer = client.generic(method, route.path)
    assert answer.status_code < 500 or answer.status_code == 503, (method, route.path)
    # A view may say no for reasons of its own (nothing to confirm, no such key); the matrix is about the policy.
    return not answer.wsgi_request.refused  # type: ignore[attr-defined]  # set by the middleware
