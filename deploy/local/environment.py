"""The environment of every process that `make` starts here, and of any shell that reads .local/env."""

import os
import re
import secrets
import shlex
from urllib.parse import quote

from deploy.local.places import ENV_FILE, LOCAL, STATIC_ROOT, redis_socket, sockets

DATABASE = ROLE = "care_field"


def _private_urls() -> dict[str, str]:
    return {
        "DATABASE_URL": f"postgis://{ROLE}@{quote(str(sockets()), safe='')}/{DATABASE}",
        "REDIS_URL": f"unix://{redis_socket()}?db=0",
    }


def uses_private_servers() -> bool:
    """Whether PostgreSQL and Redis are ours to start: not when both URLs name somebody else's."""
    # A shell that has read .local/env names ours. (Not asked of _private_urls: PostgreSQL may not be installed yet.)
    ours = read_env_file()
    names = ("DATABASE_URL", "REDIS_URL")
    given = [name for name in names if os.environ.get(name, "") not in ("", ours.get(name))]
    if len(given) == 1:
        raise SystemExit(f"{given[0]} is set, but not the other of DATABASE_URL and REDIS_URL. Set both, or neither.")
    return not given


def write_env_file() -> None:
    """Write .local/env: the same on each run, with a secret that only this checkout has."""
    old = read_env_file()
    values = {
        **_private_urls(),
        "SECRET_KEY": old.get("SECRET_KEY") or secrets.token_urlsafe(50),
        "DEMO": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "STATIC_ROOT": str(STATIC_ROOT),
        **addresses("8000"),
    }
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in values.items()]
    text = "# Written by `make services`. In a shell: set -a; . .local/env; set +a\n" + "".join(lines)
    if not ENV_FILE.exists() or ENV_FILE.read_text() != text:
        fresh = LOCAL / "env.new"
        fresh.write_text(text)
        fresh.chmod(0o600)
        fresh.replace(ENV_FILE)


def read_env_file() -> dict[str, str]:
    """The values in .local/env; empty before it is written."""
    if not ENV_FILE.exists():
        return {}
    pairs = (shlex.split(line, comments=True) for line in ENV_FILE.read_text().splitlines())
    return dict(pair[0].split("=", 1) for pair in pairs if pair)


def addresses(port: str) -> dict[str, str]:
    """The settings that follow from the port of the one origin."""
    return {
        "PORT": port,
        "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
        "PUBLIC_ORIGIN": f"http://localhost:{port}",
        "CSRF_TRUSTED_ORIGINS": f"http://localhost:{port},http://127.0.0.1:{port}",
    }


def for_processes(port: str | None = None) -> dict[str, str]:
    """The environment for a child process: .local/env, overruled by what the caller has set."""
    values = {**read_env_file(), **os.environ}
    if port:
        if not re.fullmatch(r"[0-9]{1,5}", port):
            raise SystemExit(f"PORT={port} is not a port number.")
        values |= addresses(port)
    return values
