"""
What ``make run`` promises about a machine: a short way to every socket, one origin, no registry, a clear word.
"""

import json
import os
import shlex
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from urllib.request import Request, urlopen

import pytest

from deploy.local import environment, places, site
from deploy.local.machine import find_program


def test_sockets_have_a_short_path_wherever_the_checkout_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "LOCAL", Path("/home/somebody") / ("long" * 25) / "main/.local")

    longest = places.sockets() / ".s.PGSQL.5432.lock"

    assert len(os.fsencode(longest)) <= places.LONGEST_SOCKET_PATH


def test_postgres_moves_out_of_a_checkout_that_its_account_cannot_enter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "private").mkdir(mode=0o700)
    account = places.Account("postgres", uid=os.getuid() + 1, gid=os.getgid() + 1, groups=())
    monkeypatch.setattr(places, "postgres_account", lambda: account)
    monkeypatch.setattr(places, "ROOT", tmp_path / "private")

    assert places.postgres_home().parent == Path("/var/lib")


def test_the_environment_file_is_read_back_as_it_was_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text(f"# a comment\nA={shlex.quote('it is $5 & more')}\nB=plain\n")
    monkeypatch.setattr(environment, "ENV_FILE", file)

    assert environment.read_env_file() == {"A": "it is $5 & more", "B": "plain"}


@pytest.mark.parametrize("given", ["DATABASE_URL", "REDIS_URL"])
def test_one_foreign_server_without_the_other_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv(given, "somewhere://else")

    with pytest.raises(SystemExit, match=given):
        environment.uses_private_servers()


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        with pytest.raises(SystemExit, match=f"Port {port} is in use"):
            site.run(port=port)


@pytest.mark.parametrize("port", ["0", "65536", "eighty", "-1", ""])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(SystemExit, match="not a port number"):
        site.run(port=port)


def test_no_lock_file_names_a_registry() -> None:
    lock = json.loads((places.ROOT / "package-lock.json").read_text())
    requirements = "".join(path.read_text() for path in (places.ROOT / "requirements").glob("*.txt"))

    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
    assert "://" not in requirements
    assert "--index-url" not in requirements
    assert requirements.count("--hash=sha256:") > 100


class _Echo(BaseHTTPRequestHandler):
    """Answers with the headers it was asked with."""

    by = "web"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_GET(self) -> None:
        time.sleep(float(self.headers.get("X-Takes", 0)))
        body = json.dumps({"path": self.path, "headers": dict(self.headers.items()), "by": self.by}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Backup(_Echo):
    """The process for backup alone."""

    by = "backup"


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[str]:
    """
    Start nginx with the configuration that ships, before a server that echoes; give the address.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{probe.getsockname()[1]}"
    web = _sockets()
    web.mkdir()
    static = tmp_path / "static"
    static.mkdir()
    (static / "app.0123456789ab.js").write_text("1")
    (static / "app.js").write_text("1")
    variables = site.configuration(listen=listen, state=tmp_path, socket_directory=web, static_root=static)
    server = ThreadingUnixStreamServer(str(web / "web.sock"), _Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    nginx = find_program("nginx")
    assert nginx is not None
    conf = [nginx, "-c", variables["NGINX_CONF"], "-e", "stderr"]
    process = subprocess.Popen([*conf, "-g", f"{variables['NGINX_GLOBALS']} daemon off;"])
    _wait_for(listen)
    yield f"http://{listen}"
    process.terminate()
    process.wait(10)
    server.shutdown()
    server.server_close()
    (web / "web.sock").unlink()
    web.rmdir()


def _sockets() -> Path:
    return Path(places.sockets()) / f"test-{os.getpid()}"


@contextmanager
def _serving_backup(handler: type[_Echo] | None) -> Iterator[None]:
    # Without a handler it hangs: it takes what comes, and says nothing.
    path = _sockets() / "backup.sock"
    if handler is None:
        hung = socket.socket(socket.AF_UNIX)
        hung.bind(str(path))
        hung.listen()
        stop = hung.close
    else:
        server = ThreadingUnixStreamServer(str(path), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def stop() -> None:
            server.shutdown()
            server.server_close()

    try:
        yield
    finally:
        stop()
        path.unlink()


def _press(origin: str, *, takes: float = 0) -> tuple[str, float]:
    began = time.monotonic()
    press = Request(f"{origin}/api/backup/", data=b"{}", headers={"X-Takes": str(takes)}, method="POST")  # noqa: S310 (our own address)
    with urlopen(press, timeout=10) as response:  # noqa: S310 (our own address)
        answer = json.loads(response.read())
    assert answer["path"] == "/api/backup/"
    return answer["by"], time.monotonic() - began


def test_a_press_goes_to_its_own_process_and_to_web_when_that_is_gone_or_hangs(origin: str) -> None:
    with _serving_backup(_Backup):
        own = _press(origin)
    gone = _press(origin)
    # nginx asks again when more than five whole seconds have passed since it found nobody.
    time.sleep(6.1)
    with _serving_backup(None):
        hung, again = _press(origin), _press(origin)
    time.sleep(6.1)
    with _serving_backup(_Backup):
        back = _press(origin)

    assert [by for by, _ in (own, gone, hung, again, back)] == ["backup", "web", "web", "web", "backup"]
    assert 1.9 < hung[1] < 3
    assert max(gone[1], again[1]) < 0.5


def test_a_press_is_answered_however_slow_web_is_and_the_next_at_once(origin: str) -> None:
    for _ in range(2):
        by, seconds = _press(origin, takes=2.5)

        assert by == "web"
        assert seconds < 6
        assert _press(origin)[1] < 0.5


def _wait_for(listen: str) -> None:
    host, port = listen.split(":")
    for _ in range(100):
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            threading.Event().wait(0.05)
        else:
            return
    pytest.fail("nginx does not listen")


def test_nginx_alone_says_who_asks(origin: str, tmp_path: Path) -> None:
    lies = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "Forwarded": "for=6.6.6.6", "X-Real-IP": "6"}

    with urlopen(Request(f"{origin}/api/x?name=somebody", headers=lies)) as response:  # noqa: S310 (our own address)
        heard = json.loads(response.read())
        told = response.headers

    headers = {name.lower(): value for name, value in heard["headers"].items()}
    assert heard["path"] == "/api/x?name=somebody"
    assert (headers["x-forwarded-for"], headers["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert "forwarded" not in headers
    assert "x-real-ip" not in headers
    assert headers["host"] == origin.removeprefix("http://")
    assert headers["x-request-id"] == told["X-Request-ID"]
    assert told["Strict-Transport-Security"] is None


def read_lines() -> list[str]:
    """
    Return what the access log has so far.
    """
    return (places.LOGS / "access.log").read_text().splitlines()


def test_the_access_log_has_no_query_string(origin: str) -> None:
    with urlopen(f"{origin}/search?name=Rosa+Parks") as response:  # noqa: S310 (our own address)
        request_id = response.headers["X-Request-ID"]

    # nginx writes the line when it has sent the answer.
    deadline = time.monotonic() + 5
    while not (lines := [line for line in read_lines() if request_id in line]) and time.monotonic() < deadline:
        time.sleep(0.05)
    [line] = lines
    assert json.loads(line)["path"] == "/search"
    assert "Rosa" not in line


def test_only_names_with_a_hash_are_cached_for_ever(origin: str) -> None:
    with urlopen(f"{origin}/static/app.0123456789ab.js") as response:  # noqa: S310 (our own address)
        hashed = response.headers["Cache-Control"]
    with urlopen(f"{origin}/static/app.js") as response:  # noqa: S310 (our own address)
        plain = response.headers["Cache-Control"]

    assert "immutable" in hashed
    assert plain == "no-cache"
