"""
The means of the chaos: a server that dies where it is told to, and a database that goes back.
"""

from uuid import uuid4

import pytest
from django.db import connection

from journal.models import Receipt
from responders.models import Agency
from tests.factories import responders as make
from tests.factories import tablets as make_tablets
from tests.simulation.server import Fault, Reply, Server

pytestmark = [pytest.mark.django_db(transaction=True)]


def say_duty(server: Server, tablet: make_tablets.Paired) -> tuple[str, Reply | None]:
    """
    Let a tablet say that its crew is at a meal; return the action's id and the answer.
    """
    action_id = str(uuid4())
    body = {"id": action_id, "args": {"duty": "MEAL"}}
    return action_id, server.ask("/api/actions/unit.duty/", body, token=tablet.token)


def is_done(action_id: str) -> bool:
    return Receipt.objects.filter(action_id=action_id).exists()


@pytest.mark.parametrize("killed", [True, False])
def test_it_dies_at_every_statement_and_does_all_or_nothing(killed: bool) -> None:
    server, tablet = Server(), make_tablets.crewed(make.unit(make.agency()))
    outcomes = set()

    for statement in range(1, 60):
        for before in (True, False):
            server.fault = Fault(statement, before=before, killed=killed)
            action_id, reply = say_duty(server, tablet)
            died = reply is None or reply.status >= 500
            outcomes.add((died, is_done(action_id)))
            if reply is not None and not died:
                assert reply == say_again(server, tablet, action_id, reply)
    _, reply = say_duty(server, tablet)

    # Undone; done and nobody heard; done and heard. Never heard and undone.
    assert outcomes == {(True, False), (True, True), (False, True)}
    assert reply is not None
    assert reply.status == 200
    assert bool(server.deaths) == killed


def say_again(server: Server, tablet: make_tablets.Paired, action_id: str, first: Reply) -> Reply:
    again = server.ask("/api/actions/unit.duty/", {"id": action_id, "args": {"duty": "MEAL"}}, token=tablet.token)
    assert again is not None
    assert again.body.pop("replayed")
    return Reply(first.status, again.body)


def test_a_restore_forgets_what_came_after_the_backup() -> None:
    server = Server()
    try:
        kept = make.agency()
        server.back_up()
        forgotten = make.agency()

        assert server.restore()

        assert list(Agency.objects.filter(pk__in=[kept.pk, forgotten.pk])) == [kept]
        assert not server.restore()
        # Ids are handed out again: what the protocol's new epoch is for.
        assert make.agency().pk == forgotten.pk
    finally:
        server.forget_backup()


def test_a_backup_can_be_taken_again() -> None:
    server = Server()
    try:
        server.back_up()
        make.agency(slug="later")
        server.back_up()
        assert server.restore()
        assert Agency.objects.filter(slug="later").exists()
    finally:
        server.forget_backup()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_database WHERE datname = %s", [server.copy])
        assert cursor.fetchone() == (0,)
