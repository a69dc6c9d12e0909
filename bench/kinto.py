"""
Kinto as a peer: installed into .local/peers from bench/kinto.txt, with a database of its own beside ours.

Under gunicorn's threads, which serve it best, with the pools and the cache that it ships with; no plugins, no accounts: a
user is a name and a password whose keyed hash is the identity.
"""

import configparser
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
from django.conf import settings

from bench.site import free_port, wait_for

BUCKET = "field"
COLLECTION = "calls"
RECORDS = f"/v1/buckets/{BUCKET}/collections/{COLLECTION}/records"
BATCH = 50

_PINS = Path(__file__).with_name("kinto.txt")
_HOME = settings.BASE_DIR / ".local" / "peers" / "kinto"


@dataclass(frozen=True)
class Kinto:
    """
    A running Kinto.
    """

    port: int
    pid: int
    database: str
    url: str


@contextmanager
def running_kinto(*, workers: int = 2, threads: int = 4) -> Iterator[Kinto]:
    """
    Serve a Kinto with an empty collection, and take its database away afterwards.
    """
    install()
    base, _, ours = os.environ["DATABASE_URL"].rpartition("/")
    database = f"{ours}_kinto"
    url = _as_plain(f"{base}/{database}")
    with psycopg.connect(_as_plain(f"{base}/{ours}"), autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{database}"')
        try:
            with _serving(url, workers, threads) as (port, pid):
                yield Kinto(port, pid, database, url)
        finally:
            server.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


def install() -> None:
    """
    Install what bench/kinto.txt pins, unless it is there already.
    """
    stamp, wanted = _HOME / "installed", sha256(_PINS.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    python = str(_HOME / "bin" / "python")
    subprocess.run(["uv", "venv", "--quiet", "--clear", "--python", "3.11", str(_HOME)], check=True)
    subprocess.run(
        ["uv", "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", str(_PINS)], check=True
    )
    stamp.write_text(wanted)


@contextmanager
def _serving(url: str, workers: int, threads: int) -> Iterator[tuple[int, int]]:
    ini = _HOME / "bench.ini"
    _configure(ini, url)
    quiet = {**os.environ, "PYTHONWARNINGS": "ignore"}
    migrate = [str(_HOME / "bin" / "kinto"), "migrate", "--ini", str(ini)]
    subprocess.run(migrate, check=True, env=quiet, capture_output=True)
    port = free_port()
    process = subprocess.Popen(
        [
            *(str(_HOME / "bin" / "gunicorn"), "--paste", str(ini), "--bind", f"127.0.0.1:{port}"),
            *("--worker-class", "gthread", "--workers", str(workers), "--threads", str(threads)),
            *("--keep-alive", "75", "--log-level", "error"),
        ],
        env=quiet,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(20)


def _configure(ini: Path, url: str) -> None:
    config = configparser.ConfigParser(interpolation=None)
    config["app:main"] = {
        "use": "egg:kinto",
        "kinto.storage_backend": "kinto.core.storage.postgresql",
        "kinto.storage_url": url,
        "kinto.permission_backend": "kinto.core.permission.postgresql",
        "kinto.permission_url": url,
        "kinto.cache_backend": "kinto.core.cache.memory",
        "kinto.userid_hmac_secret": "bench",
        "kinto.batch_max_requests": str(BATCH),
        "kinto.bucket_create_principals": "system.Authenticated",
        "multiauth.policies": "basicauth",
    }
    config["server:main"] = {"use": "egg:waitress#main"}
    config["loggers"] = {"keys": "root"}
    config["handlers"] = {"keys": "console"}
    config["formatters"] = {"keys": "plain"}
    config["logger_root"] = {"level": "ERROR", "handlers": "console"}
    config["handler_console"] = {"class": "StreamHandler", "args": "(sys.stderr,)", "formatter": "plain"}
    config["formatter_plain"] = {"format": "%(message)s"}
    with ini.open("w") as file:
        config.write(file)


def _as_plain(url: str) -> str:
    # Ours names the socket's directory as the host, percent-encoded; SQLAlchemy wants it as a parameter.
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    name, _, port = host.partition(":")
    if not unquote(name).startswith("/"):
        return f"postgresql://{parts.netloc}{parts.path}"
    query = f"?host={unquote(name)}" + (f"&port={port}" if port else "")
    return f"postgresql://{user}@{parts.path}{query}" if user else f"postgresql://{parts.path}{query}"
