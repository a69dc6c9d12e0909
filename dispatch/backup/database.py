"""
This path's own connections to Postgres: few, plain, and shared with nothing.
"""

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

import psycopg
from django.conf import settings

from tablets.postgres import connection_arguments

_WAIT_SECONDS = 5.0
# A commit here is what a tablet is told as RECEIVED: it is on the disk, whatever the site, the role or the database says of
# other commits. Nothing here is to wait for a lock; where something does all the same, it is not for long.
OPTIONS: Final = "-c synchronous_commit=on -c lock_timeout=500"
_OPTIONS = f"{OPTIONS} -c timezone=UTC"
# Where Postgres is another machine that goes silent, the connection is known to be dead within seconds.
_ALIVE: Mapping[str, Any] = {
    "keepalives_idle": 3,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 7_000,
}

Row = tuple[Any, ...]


class Busy(psycopg.OperationalError):
    """
    Every connection was in use for as long as it makes sense to wait.
    """


def connect(name: str = "backup") -> psycopg.Connection[Row]:
    """
    Return a new connection in autocommit mode.

    :raises psycopg.OperationalError: Postgres cannot be reached.
    """
    arguments = connection_arguments()
    arguments["options"] = f"{arguments.get('options', '')} {_OPTIONS}"
    arguments["application_name"] = f"{arguments.get('application_name', 'care-field')}-{name}"
    return psycopg.connect(autocommit=True, connect_timeout=3, **_ALIVE, **arguments)


class Pool:
    """
    A few connections, made when they are needed and made again when they were lost. Safe to use from many threads.
    """

    def __init__(self, size: int | None = None) -> None:
        self._room = threading.BoundedSemaphore(settings.BACKUP_POOL if size is None else size)
        self._idle: deque[psycopg.Connection[Row]] = deque()

    def fetch(self, sql: str, arguments: Mapping[str, Any]) -> list[Row]:
        """
        Return the rows of one statement, which commits by itself. It may run twice: only what is idempotent comes here.

        :raises psycopg.Error: Postgres cannot be reached, or refused the statement.
        """
        with self._connection() as (connection, is_used):
            try:
                return _run(connection, sql, arguments)
            except psycopg.errors.LockNotAvailable:
                raise
            except psycopg.OperationalError:
                if not is_used:
                    raise
                connection.close()
        # It had died unnoticed, and so have those that were idle beside it.
        self._drop_idle()
        with self._connection() as (connection, _):
            return _run(connection, sql, arguments)

    def close(self) -> None:
        """
        Close what is idle; the pool can be used again.
        """
        self._drop_idle()

    def _drop_idle(self) -> None:
        while True:
            try:
                self._idle.pop().close()
            except IndexError:
                return

    @contextmanager
    def _connection(self) -> Iterator[tuple[psycopg.Connection[Row], bool]]:
        if not self._room.acquire(timeout=_WAIT_SECONDS):
            raise Busy("no connection for a request for backup")
        try:
            try:
                # The one that was used last: what is left of a burst is forgotten by the server, not by us.
                connection, is_used = self._idle.pop(), True
            except IndexError:
                connection, is_used = connect(), False
            try:
                yield connection, is_used
            except BaseException:
                with suppress(psycopg.Error):
                    connection.close()
                raise
            if not connection.closed:
                self._idle.append(connection)
        finally:
            self._room.release()


def _run(connection: psycopg.Connection[Row], sql: str, arguments: Mapping[str, Any]) -> list[Row]:
    cursor = connection.execute(sql, arguments)
    return cursor.fetchall() if cursor.description is not None else []
