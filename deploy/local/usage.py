"""Who uses the private servers just now, and therefore when they may stop.

Each `make run` or `make test` holds a shared lock on .local/users while it lasts. The last one out stops the servers,
unless `make services` asked for them to stay.
"""

import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from deploy.local import environment, servers
from deploy.local.places import LOCAL, ROOT, VENV, postgres_home, prepare_directories, sockets

USERS = LOCAL / "users"
KEEP = LOCAL / "keep-services"


@contextmanager
def _locked(name: str) -> Iterator[None]:
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / name).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start() -> None:
    prepare_directories()
    environment.write_env_file()
    servers.start_postgres()
    servers.start_redis()


def keep_services() -> None:
    """Start the private servers and leave them running until `make stop`."""
    if not environment.uses_private_servers():
        print("DATABASE_URL and REDIS_URL name servers that are not ours; there is nothing to start.")
        return
    with _locked("lock"):
        _start()
        KEEP.touch()
    print("PostgreSQL and Redis are up. In a shell: set -a; . .local/env; set +a")


def stop_services() -> None:
    """Stop the private servers, whoever uses them."""
    if not LOCAL.exists():
        return
    with _locked("lock"):
        KEEP.unlink(missing_ok=True)
        servers.stop_redis()
        servers.stop_postgres()


@contextmanager
def services() -> Iterator[None]:
    """Have the private servers up inside the block; the last user's exit stops them."""
    if not environment.uses_private_servers():
        prepare_directories()
        environment.write_env_file()
        yield
        return
    with _locked("lock"):
        _start()
        users = USERS.open("a")
        fcntl.flock(users, fcntl.LOCK_SH)
    try:
        yield
    finally:
        with _locked("lock"):
            if not KEEP.exists() and _is_last(users):
                servers.stop_redis()
                servers.stop_postgres()
            users.close()


def _is_last(users: IO[str]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def run_with_services(command: list[str]) -> int:
    """Run a command in the environment of .local/env, and return its status."""
    with services():
        child_environment = environment.for_processes()
        child_environment["PATH"] = f"{VENV / 'bin'}{os.pathsep}{child_environment.get('PATH', os.defpath)}"
        return run_child(command, child_environment)


def run_child(command: list[str], child_environment: dict[str, str]) -> int:
    """Run a child that a Ctrl-C reaches by itself; wait for it to end, however we are asked to stop."""
    process = subprocess.Popen(command, cwd=ROOT, env=child_environment)

    def end_it(_number: int, _frame: object) -> None:
        with suppress(ProcessLookupError):
            process.terminate()

    # A Ctrl-C reaches the child from the terminal; SIGTERM and a closed terminal's SIGHUP reach only us.
    before = {number: signal.signal(number, end_it) for number in (signal.SIGTERM, signal.SIGHUP)}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        status = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 - status if status < 0 else status


def remove_everything() -> None:
    """Stop the private servers, and remove .local, .venv and node_modules, with the database in it."""
    stop_services()
    directories: list[Path] = [VENV, ROOT / "node_modules"]
    if LOCAL.exists():
        directories += [postgres_home(), sockets(), LOCAL]
    for directory in directories:
        if directory.exists() and not directory.is_symlink():
            print(f"Removing {directory} …")
            shutil.rmtree(directory)
