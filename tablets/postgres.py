"""
The live process' own way to Postgres: asynchronous, plain SQL, and back again after a restart of the server.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from django.conf import settings

# What Django's settings hold beside the arguments of a connection.
_DJANGO_ONLY = frozenset({"pool", "server_side_binding", "isolation_level", "assume_role"})
_CONNECT_SECONDS = 3
_Arguments = Sequence[Any] | Mapping[str, Any]


def connection_arguments() -> dict[str, Any]:
    """
    Return what psycopg needs for the database of the settings.
    """
    database = settings.DATABASES["default"]
    named = {
        "dbname": database["NAME"],
        "user": database.get("USER"),
        "password": database.get("PASSWORD"),
        "host": database.get("HOST"),
        "port": database.get("PORT"),
    }
    options = {name: value for name, value in database.get("OPTIONS", {}).items() if name not in _DJANGO_ONLY}
    return {name: str(value) for name, value in named.items() if value} | options


class Database:
    """
    One connection in autocommit mode, made when it is needed and made again when it was lost.

    Statements of several tasks wait for each other. A task that is cancelled in the middle of one leaves the connection
    closed rather than in a state that nobody knows.
    """

    def __init__(self, *, options: str = "") -> None:
        """
        Take what this connection's session is to be told beside the settings (``-c name=value``); it wins over them.
        """
        self._options = options
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._lock = asyncio.Lock()

    async def fetch(self, sql: str, arguments: _Arguments) -> list[tuple[Any, ...]]:
        """
        Return the rows of one statement; a connection that had died unnoticed is replaced once.

        :raises psycopg.Error: Postgres cannot be reached, or refused the statement.
        """
        async with self._lock:
            had_one = self._connection is not None
            try:
                return await self._fetch(sql, arguments)
            except psycopg.OperationalError:
                if not had_one:
                    raise
                return await self._fetch(sql, arguments)

    async def close(self) -> None:
        """
        Close the connection; the next ``fetch()`` makes a new one.
        """
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _fetch(self, sql: str, arguments: _Arguments) -> list[tuple[Any, ...]]:
        done = False
        try:
            if self._connection is None:
                named = connection_arguments()
                if self._options:
                    named["options"] = f"{named.get('options', '')} {self._options}"
                self._connection = await psycopg.AsyncConnection.connect(
                    autocommit=True, connect_timeout=_CONNECT_SECONDS, **named
                )
            cursor = await self._connection.execute(sql, arguments)
            rows = await cursor.fetchall()
            done = True
            return rows
        finally:
            if not done:
                await self.close()
