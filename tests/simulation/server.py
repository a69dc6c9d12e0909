"""
The real server in this process: Django's WSGI handler over the real Postgres, which can be killed at any statement, and
whose database can be put back to an earlier point.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import orjson
import psycopg
from django.core.handlers.wsgi import WSGIHandler
from django.db import OperationalError, connection, connections

from tablets import load

JSON = dict[str, Any]


class ServerKilled(BaseException):
    """
    The server's process died here. No handler of ours sees it, as none sees a SIGKILL.
    """


@dataclass(frozen=True, slots=True)
class Reply:
    """
    What came back over HTTP.
    """

    status: int
    body: JSON


@dataclass(frozen=True, slots=True)
class Fault:
    """
    How a request dies: at its ``statement``-th statement (COMMIT counts), before or after Postgres has run it.

    ``killed`` takes the whole process; otherwise the connection is gone, which the server's code sees as an error.
    """

    statement: int
    before: bool
    killed: bool


class Server:
    """
    What stands at the other end of the network.
    """

    def __init__(self) -> None:
        self._application = WSGIHandler()
        self.fault: Fault | None = None
        self.deaths = 0
        self._has_backup = False

    def ask(
        self, path: str, body: JSON | None, *, token: str = "", address: str = "127.0.0.1", method: str = "POST"
    ) -> Reply | None:
        """
        Let the server handle a request; None when it died meanwhile, so that nobody answers.
        """
        fault, self.fault = self.fault, None
        try:
            with failing(fault):
                return self._handle(method, path, body, token, address)
        except ServerKilled:
            self.deaths += 1
            # The next process begins with empty hands.
            load._places.cache_clear()
            return None
        finally:
            # Its connection goes back to the pool as after every request, or is thrown away when it is broken.
            connection.close()

    def _handle(self, method: str, path: str, body: JSON | None, token: str, address: str) -> Reply:
        content = b"" if body is None else orjson.dumps(body)
        environment = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SCRIPT_NAME": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": address,
            "HTTP_HOST": "localhost:8000",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(content)),
            "wsgi.input": BytesIO(content),
            "wsgi.errors": BytesIO(),
            "wsgi.url_scheme": "http",
            "wsgi.version": (1, 0),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        if token:
            environment["HTTP_AUTHORIZATION"] = f"Tablet {token}"
        begun: list[str] = []

        def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            begun.append(status)

        answer = self._application(environment, start_response)
        try:
            text = b"".join(answer)
        finally:
            answer.close()
        return Reply(int(begun[0].split()[0]), orjson.loads(text) if text.startswith(b"{") else {})

    # --- backups ---

    def back_up(self) -> None:
        """
        Copy the whole database as it is; an older copy is forgotten.
        """
        self._let_go()
        with _maintenance() as run:
            run(f'DROP DATABASE IF EXISTS "{self.copy}"')
            run(f'CREATE DATABASE "{self.copy}" TEMPLATE "{self._name}"')
        self._has_backup = True

    def restore(self) -> bool:
        """
        Put the database back to the last copy; False when there is none. The copy is used up.
        """
        if not self._has_backup:
            return False
        self._let_go()
        with _maintenance() as run:
            run(f'DROP DATABASE "{self._name}"')
            run(f'ALTER DATABASE "{self.copy}" RENAME TO "{self._name}"')
        self._has_backup = False
        return True

    def forget_backup(self) -> None:
        """
        Remove the copy, if there is one.
        """
        if self._has_backup:
            with _maintenance() as run:
                run(f'DROP DATABASE IF EXISTS "{self.copy}"')
            self._has_backup = False

    @property
    def _name(self) -> str:
        return str(connection.settings_dict["NAME"])

    @property
    def copy(self) -> str:
        """
        Return the name of the database that the copy is.
        """
        return f"{self._name}_backup"

    def _let_go(self) -> None:
        # Neither can be done to a database that somebody is connected to.
        connections.close_all()


@contextmanager
def _maintenance() -> Iterator[Callable[[str], object]]:
    settings = connection.settings_dict
    with psycopg.connect(
        host=settings["HOST"] or None,
        port=settings["PORT"] or None,
        user=settings["USER"],
        password=settings["PASSWORD"] or None,
        dbname="postgres",
        autocommit=True,
    ) as admin:
        yield lambda statement: admin.execute(statement.encode())


@contextmanager
def failing(fault: Fault | None) -> Iterator[None]:
    """
    Let the statements of this thread fail as the fault says.
    """
    if fault is None:
        yield
        return
    # Django's stubs leave out what its own code calls COMMIT with.
    database: Any = connections["default"]
    commit, left = database._commit, [fault.statement]

    def die() -> None:
        if database.connection is not None:
            database.connection.close()
        if fault.killed:
            raise ServerKilled
        raise OperationalError("server closed the connection unexpectedly")

    def around(run: Callable[[], Any]) -> Any:
        left[0] -= 1
        if left[0] == 0 and fault.before:
            die()
        answer = run()
        if left[0] == 0:
            die()
        return answer

    def statement(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        return around(lambda: execute(sql, params, many, context))

    database._commit = lambda: around(commit)
    try:
        with database.execute_wrapper(statement):
            yield
    finally:
        database._commit = commit
