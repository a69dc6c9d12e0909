"""Start and stop the private PostgreSQL and Redis. Both listen on Unix sockets only."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from deploy.local.environment import DATABASE, ROLE
from deploy.local.places import LOCAL, LOGS, ROOT, postgres_account, postgres_home, redis_socket, sockets

SUPERUSER = "postgres"
EXTENSIONS = ("postgis", "btree_gist")  # PostGIS may be created by superusers only


def postgres_bin(*, version: str | None = None) -> Path | None:
    """The newest installed PostgreSQL (≥ 15) that has PostGIS, or the one of this major version."""
    found = []
    for directory in Path("/usr/lib/postgresql").glob("*/bin"):
        major = directory.parent.name
        has_postgis = Path(f"/usr/share/postgresql/{major}/extension/postgis.control").exists()
        if (directory / "initdb").exists() and has_postgis and major.isdigit() and int(major) >= 15:
            found.append((int(major), directory))
    if version:
        found = [pair for pair in found if str(pair[0]) == version]
    return max(found)[1] if found else None


def start_postgres() -> bool:
    """Start the private cluster, creating it first if need be. Returns whether it had to be started."""
    data = postgres_home() / "data"
    version_file = data / "PG_VERSION"
    version = version_file.read_text().strip() if version_file.exists() else None
    programs = postgres_bin(version=version)
    if programs is None:
        raise SystemExit(
            f"The private cluster {data} is of PostgreSQL {version}, which is not installed with PostGIS any more. "
            "`make clean` removes the cluster; the next run makes a new one."
        )
    if version is None:
        _create_cluster(programs, data)
    started = not _postgres_runs(programs, data)
    if started:
        _write_settings(data)
        print("Starting the private PostgreSQL …", flush=True)
        log = postgres_home() / "server.log"
        result = _as_account(
            [str(programs / "pg_ctl"), "-D", str(data), "-l", str(log), "-w", "-t", "60", "-s", "start"]
        )
        if result.returncode:
            tail = "\n".join(log.read_text().splitlines()[-20:]) if log.exists() else result.stderr
            raise SystemExit(f"PostgreSQL did not start. The end of {log}:\n{tail}")
    _create_database(programs)
    return started


def _write_settings(data: Path) -> None:
    texts = {
        "care-field.conf": (ROOT / "deploy/postgresql.conf").read_text(),
        "sockets.conf": f"unix_socket_directories = '{sockets()}'\n",
    }
    account = postgres_account()
    for name, text in texts.items():
        path = data / "conf.d" / name
        path.write_text(text)
        if account:
            os.chown(path, account.uid, account.gid)


def _create_cluster(programs: Path, data: Path) -> None:
    print("Creating the private PostgreSQL cluster …", flush=True)
    if data.exists():
        shutil.rmtree(data)  # an initdb that was interrupted
    # Whoever may enter the directory of the sockets is trusted: that is us and PostgreSQL's account.
    result = _as_account(
        [
            *(str(programs / "initdb"), "-D", str(data), "--username", SUPERUSER, "--auth", "trust"),
            *("--encoding", "UTF8", "--locale", "C.UTF-8"),
        ]
    )
    if result.returncode:
        raise SystemExit(f"initdb failed:\n{result.stdout}{result.stderr}")
    _as_account(["mkdir", str(data / "conf.d")])
    with (data / "postgresql.conf").open("a") as conf:
        conf.write("include_dir = 'conf.d'  # deploy/postgresql.conf is copied there at each start\n")


def _create_database(programs: Path) -> None:
    """Create the role and its database once. The extensions are in template1, so that tests need no superuser."""

    def psql(database: str, *statements: str) -> str:
        command = [str(programs / "psql"), "-h", str(sockets()), "-U", SUPERUSER, "-d", database, "-XAtq"]
        command += ["-v", "ON_ERROR_STOP=1"]
        for statement in statements:
            command += ["-c", statement]
        result = subprocess.run(command, check=False, capture_output=True, text=True)
        if result.returncode:
            raise SystemExit(f"psql failed: {result.stderr}")
        return result.stdout.strip()

    if DATABASE not in psql("postgres", "SELECT datname FROM pg_database").splitlines():
        psql("template1", *(f"CREATE EXTENSION IF NOT EXISTS {name}" for name in EXTENSIONS))
        if ROLE not in psql("postgres", "SELECT rolname FROM pg_roles").splitlines():
            psql("postgres", f"CREATE ROLE {ROLE} LOGIN CREATEDB IN ROLE pg_monitor, pg_checkpoint, pg_signal_backend")
        psql("postgres", f"CREATE DATABASE {DATABASE} OWNER {ROLE}")
    # For tests: tests/conftest.py empties tables without their triggers.
    psql("postgres", f"GRANT SET ON PARAMETER session_replication_role TO {ROLE}")


def _postgres_runs(programs: Path, data: Path) -> bool:
    return _as_account([str(programs / "pg_ctl"), "-D", str(data), "status"]).returncode == 0


def _as_account(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a program of PostgreSQL's under its own account when we are root, else as we are."""
    account = postgres_account()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    # Output goes to a file: a started server keeps its pipes open, and reading them would never end.
    output = LOGS / "postgres-command.log"
    with output.open("w+") as file:
        result = subprocess.run(
            command,
            check=False,
            cwd="/",
            env={**environment, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=list(account.groups) if account else None,
        )
        file.seek(0)
        return subprocess.CompletedProcess(command, result.returncode, file.read(), "")


def stop_postgres() -> None:
    """Stop the private cluster, ending open sessions; do nothing when it does not run."""
    data = postgres_home() / "data"
    version_file = data / "PG_VERSION"
    if not version_file.exists():
        return
    programs = postgres_bin(version=version_file.read_text().strip())
    if programs and _postgres_runs(programs, data):
        print("Stopping the private PostgreSQL …", flush=True)
        _as_account([str(programs / "pg_ctl"), "-D", str(data), "-m", "fast", "-w", "-t", "60", "-s", "stop"])


def start_redis() -> bool:
    """Start the private Redis. Returns whether it had to be started."""
    if _redis("PING") == "PONG":
        return False
    print("Starting the private Redis …", flush=True)
    directory = LOCAL / "redis"
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("redis-server is not installed; `make install` installs it.")
    options = {
        "port": "0",
        "unixsocket": str(redis_socket()),
        "unixsocketperm": "700",
        "dir": str(directory),
        "pidfile": str(directory / "redis.pid"),
        "logfile": str(LOGS / "redis.log"),
        # Redis carries hints, cached values and task messages; all of them may be lost (DESIGN §3), so none is kept.
        "save": "",
        "appendonly": "no",
        "daemonize": "yes",
    }
    command = [program]
    for name, value in options.items():
        command += [f"--{name}", value]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while _redis("PING") != "PONG":
        if time.monotonic() > deadline:
            raise SystemExit(f"Redis did not start; see {LOGS / 'redis.log'}.")
        time.sleep(0.05)
    return True


def stop_redis() -> None:
    """Stop the private Redis; do nothing when it does not run."""
    pid_file = LOCAL / "redis/redis.pid"
    if _redis("PING") != "PONG" or not pid_file.exists():
        return
    print("Stopping the private Redis …", flush=True)
    pid = int(pid_file.read_text())
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)


def _redis(*command: str) -> str:
    program = shutil.which("redis-cli")
    if program is None or not redis_socket().exists():
        return ""
    result = subprocess.run(
        [program, "-s", str(redis_socket()), *command], check=False, capture_output=True, text=True, timeout=10
    )
    return result.stdout.strip()
