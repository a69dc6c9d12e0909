"""The whole site under one supervisor: nginx, web, backup, live, worker, beat and, in the demo, the replay of a real day.

`make run` calls run(). Tests that need the whole site call configuration() and honcho_command() with settings of
their own.
"""

import errno
import os
import socket
import subprocess
import threading
import time
from pathlib import Path
from string import Template
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from deploy.local import environment, usage
from deploy.local.machine import find_program, install
from deploy.local.places import LOCAL, LOGS, ROOT, STATIC_ROOT, VENV, sockets

PROCESSES = ("nginx", "web", "backup", "live", "worker", "beat")
READY_WITHIN = 60  # seconds


def run(*, port: str) -> int:
    """Install what is missing, start everything, and stop it all again at Ctrl-C."""
    host = os.environ.get("HOST", "localhost")
    _refuse_busy_port(host, port)
    install(browser=False)
    with usage.services():
        settings = environment.for_processes(port)
        settings["PATH"] = f"{VENV / 'bin'}{os.pathsep}{settings.get('PATH', os.defpath)}"
        demo = settings.get("DEMO") == "1"
        _manage("migrate", "--verbosity", "0", settings=settings, saying="Migrating the database …")
        if demo:
            _manage("load_demo", settings=settings, saying="Loading the demo …")
            _manage("load_followups_demo", settings=settings, saying="Loading care after the call …")
        _manage(
            "collectstatic", "--noinput", "--verbosity", "0", settings=settings, saying="Collecting static files …"
        )
        settings |= configuration(listen=_listen(host, port), state=LOCAL / "nginx", socket_directory=sockets())
        processes = [*PROCESSES, *(["replay"] if demo else [])]
        threading.Thread(target=_announce, args=(port, demo), daemon=True).start()
        status = usage.run_child(honcho_command(processes), settings)
    # Ctrl-C and a polite kill are how a run ends.
    return 0 if status in (0, 128 + 2, 128 + 15) else status


def configuration(
    *, listen: str, state: Path, socket_directory: Path, static_root: Path = STATIC_ROOT
) -> dict[str, str]:
    """Write nginx's configuration, and return the variables that deploy/Procfile reads."""
    (state / "site.d").mkdir(parents=True, exist_ok=True)
    web, live, backup = (socket_directory / f"{name}.sock" for name in ("web", "live", "backup"))
    for left_over in (web, live, backup):  # of a run that was killed
        left_over.unlink(missing_ok=True)
    text = Template((ROOT / "deploy/nginx.conf.template").read_text()).safe_substitute(
        LISTEN=listen,
        WEB=f"unix:{web}",
        LIVE=f"unix:{live}",
        BACKUP=f"unix:{backup}",
        STATIC_ROOT=str(static_root),
        ACCESS_LOG=f'"{LOGS / "access.log"}"',
        STATE_DIR=str(state),
        SITE_CONF=f'"{state}/site.d/*.conf"',
        FORWARDED_PROTO="$scheme",
    )
    conf = state / "nginx.conf"
    conf.write_text(text)
    nginx = find_program("nginx")
    if nginx is None:
        raise SystemExit("nginx is not installed; `make install` installs it.")
    as_root = os.geteuid() == 0
    return {
        "NGINX_PROGRAM": nginx,
        "NGINX_CONF": str(conf),
        # As root, nginx would hand its work to an account that cannot reach our sockets.
        "NGINX_GLOBALS": "user root;" if as_root else "",
        # Celery advises against root, at length, at each start; on a machine that has only root it is of no use.
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges" if as_root else "",
        "WEB_SOCKET": str(web),
        "LIVE_SOCKET": str(live),
        "BACKUP_SOCKET": str(backup),
        "BEAT_SCHEDULE": str(state / "beat-schedule"),
    }


def honcho_command(processes: list[str]) -> list[str]:
    """The supervisor's command: when one process ends, it ends them all."""
    return [str(VENV / "bin/honcho"), "-f", str(ROOT / "deploy/Procfile"), "-d", str(ROOT), "start", *processes]


def _manage(*arguments: str, settings: dict[str, str], saying: str) -> None:
    print(saying, flush=True)
    result = subprocess.run([str(VENV / "bin/python"), "manage.py", *arguments], check=False, cwd=ROOT, env=settings)
    if result.returncode:
        raise SystemExit(f"manage.py {arguments[0]} failed.")


def _addresses(host: str, port: str) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
    """The addresses to listen on: "localhost" means both loopback addresses, where there is IPv6."""
    if host != "localhost":
        return [(socket.AF_INET6 if ":" in host else socket.AF_INET, (host, int(port)))]
    found = [(socket.AF_INET, ("127.0.0.1", int(port)))]
    if Path("/proc/net/if_inet6").exists() and Path("/proc/net/if_inet6").read_text().strip():
        found.append((socket.AF_INET6, ("::1", int(port))))
    return found


def _refuse_busy_port(host: str, port: str) -> None:
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise SystemExit(f"PORT={port} is not a port number.")
    for family, address in _addresses(host, port):
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise SystemExit(f"Port {port} is in use by another program. Try: make run PORT=8080") from None
                raise SystemExit(f"Cannot listen on {address[0]}, port {port}: {error.strerror}.") from None


def _listen(host: str, port: str) -> str:
    """The addresses as nginx's template takes them: the first for its own listen line, then further lines."""
    written = [
        f"[{address}]:{port}" if ":" in address else f"{address}:{port}" for _, (address, _) in _addresses(host, port)
    ]
    return ";\n        listen ".join(written)


def _announce(port: str, demo: bool) -> None:
    """Once the site answers, say where it is."""
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        time.sleep(0.3)
        try:
            with urlopen(f"http://127.0.0.1:{port}/", timeout=5):
                break
        except HTTPError as error:
            if error.code < 500:
                break
        except (URLError, OSError):
            pass
    else:
        print(f"\nThe site has not answered within {READY_WITHIN} s; see the lines above.\n", flush=True)
        return
    doors = "step in as a dispatcher, a supervisor, an officer or a tablet, without a password" if demo else "sign in"
    print(
        f"\n  CARE Field is up.\n\n      http://localhost:{port}/      {doors}\n\n  Ctrl-C stops it all.\n", flush=True
    )
