"""Install the Debian packages that are missing, and nothing else of the system's.

Debian starts a server when its package is installed, makes a PostgreSQL cluster and enables both at boot.
We want the programs only, for private servers of our own, so all three are held back while we install.

Run as root: `python3 -m deploy.local.debian PACKAGE…`; `deploy.local.machine` calls it so, through sudo if need be.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

MARK = "# Written by CARE Field's deploy/local/debian.py for the time of one apt-get; remove it if found.\n"
POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_SAVED = Path("/usr/sbin/policy-rc.d.before-care-field")
NO_MAIN_CLUSTER = Path("/etc/postgresql-common/createcluster.d/zz-care-field.conf")
# Services that come with the packages we name; a service that was there before is left as it was.
SERVICES = {"redis-server": "redis-server", "nginx": "nginx"}


@contextmanager
def no_service_starts() -> Iterator[None]:
    """Answer "do not start it" to every package that asks (exit status 101 of policy-rc.d)."""
    _restore_policy()  # an earlier run may have been killed half way
    if POLICY.exists() or POLICY.is_symlink():
        POLICY.rename(POLICY_SAVED)
    POLICY.write_text(f"#!/bin/sh\n{MARK}exit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        _restore_policy()


def _restore_policy() -> None:
    if POLICY.is_file() and MARK in POLICY.read_text(errors="replace"):
        POLICY.unlink()
    if POLICY_SAVED.exists() or POLICY_SAVED.is_symlink():
        POLICY_SAVED.rename(POLICY)


@contextmanager
def no_main_cluster() -> Iterator[None]:
    """Keep postgresql-NN from creating the cluster "main" on port 5432."""
    NO_MAIN_CLUSTER.parent.mkdir(parents=True, exist_ok=True)
    NO_MAIN_CLUSTER.write_text(f"{MARK}create_main_cluster = false\n")
    try:
        yield
    finally:
        NO_MAIN_CLUSTER.unlink(missing_ok=True)


def install(packages: list[str]) -> None:
    """Install these packages without their recommendations, and leave their services stopped and disabled."""
    new_services = [
        service for package, service in SERVICES.items() if package in packages and not _knows_service(service)
    ]
    _apt("update")
    with no_service_starts(), no_main_cluster():
        _apt("install", "--yes", "--no-install-recommends", "--no-upgrade", *packages)
    for service in new_services:
        _disable(service)


def _apt(*arguments: str) -> None:
    """Run apt-get; show how far it is, and what it said only if it fails."""
    reader, writer = os.pipe()
    quietly = ["-qq", "-o", "Dpkg::Use-Pty=0", "-o", f"APT::Status-Fd={writer}", "-o", "DPkg::Lock::Timeout=600"]
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            ["apt-get", *quietly, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[writer],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"},
        )
        os.close(writer)
        with os.fdopen(reader) as progress:
            _show(progress)
        if process.wait():
            output.seek(0)
            raise SystemExit(f"apt-get {' '.join(arguments)} failed:\n{output.read()}")


def _show(progress: Iterable[str]) -> None:
    """Print each tenth of a download ("dlstatus") and of an installation ("pmstatus")."""
    shown = ""
    for line in progress:
        kind, _, rest = line.partition(":")
        parts = rest.split(":")
        doing = {"dlstatus": "downloading", "pmstatus": "installing"}.get(kind)
        if doing and len(parts) > 1:
            now = f"  {doing}: {int(float(parts[1])) // 10 * 10} %"
            if now != shown:
                print(now, flush=True)
                shown = now


def _knows_service(service: str) -> bool:
    return Path(f"/etc/init.d/{service}").exists() or Path(f"/lib/systemd/system/{service}.service").exists()


def _disable(service: str) -> None:
    if shutil.which("systemctl"):
        command = ["systemctl", "--quiet", "disable", service]
    else:
        command = ["update-rc.d", service, "disable"]
    # A machine without an init system has neither, and nothing that would start the service.
    if shutil.which(command[0]):
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    install(sys.argv[1:])
