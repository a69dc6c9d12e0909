"""
The connection that a thread keeps: seen to be gone without asking, and made anew.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection as django_connection
from django.test.utils import CaptureQueriesContext

from journal.prepared import prepared_cursor
from tablets.postgres import connection_arguments

pytestmark = pytest.mark.django_db(transaction=True)
# Django's stubs leave out what a connection knows of its health.
connection: Any = django_connection


@pytest.fixture
def asks_first() -> Iterator[None]:
    """
    Be at the beginning of a request, as close_old_connections() makes it.
    """
    connection.ensure_connection()
    before = connection.health_check_enabled
    connection.health_check_enabled, connection.health_check_done = True, False
    yield
    connection.health_check_enabled = before


def end_backend() -> int:
    """
    End the server's side of this thread's connection, and return which it was.
    """
    pid = int(connection.connection.info.backend_pid)
    with psycopg.connect(autocommit=True, **connection_arguments()) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    return pid


@pytest.mark.usefixtures("asks_first")
def test_a_connection_that_is_there_costs_no_statement() -> None:
    pid = connection.connection.info.backend_pid

    with CaptureQueriesContext(connection) as queries, connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() == (pid,)

    assert len(queries) == 1
    assert connection.health_check_done


@pytest.mark.usefixtures("asks_first")
def test_a_connection_whose_server_went_is_replaced_before_it_is_used() -> None:
    gone = end_backend()

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()

    assert pid != gone


@pytest.mark.usefixtures("asks_first")
def test_a_prepared_cursor_asks_too() -> None:
    gone = end_backend()

    with prepared_cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()

    assert pid != gone


def test_after_an_error_the_server_itself_is_asked() -> None:
    connection.ensure_connection()
    gone = end_backend()
    connection.errors_occurred = True

    assert connection.is_usable() is False

    connection.errors_occurred = False
    connection.close()
    assert connection.is_usable() is False
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() != (gone,)
