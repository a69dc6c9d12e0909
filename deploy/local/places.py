"""Where the private servers keep their data, their sockets and their logs.

Everything is under .local/ of the checkout, with two exceptions that the system forces on us: the path of a Unix
socket may not be longer than 107 bytes, and PostgreSQL, which refuses to run as root, cannot enter a checkout that
lies beneath a directory of root's alone. Then a short directory named after the checkout takes its place.
"""

import grp
import hashlib
import os
import pwd
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"
VENV = ROOT / ".venv"
STAMPS = LOCAL / "stamps"
LOGS = LOCAL / "log"
ENV_FILE = LOCAL / "env"
STATIC_ROOT = LOCAL / "static"
CHECKOUT_HASH = hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:10]

LONGEST_SOCKET_PATH = 107
LONGEST_SOCKET_NAME = len("/.s.PGSQL.5432.lock")
POSTGRES_ACCOUNT = "postgres"  # made by Debian's package; used only when we are root


@dataclass(frozen=True)
class Account:
    """The ordinary account that PostgreSQL runs under when we are root."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]

    def may_enter(self, directory: Path) -> bool:
        """Whether every directory down to this one lets the account pass."""
        for path in (directory, *directory.parents):
            if not path.exists():
                continue
            status = path.stat()
            if status.st_uid == self.uid:
                bit = 0o100
            elif status.st_gid in (self.gid, *self.groups):
                bit = 0o010
            else:
                bit = 0o001
            if not status.st_mode & bit:
                return False
        return True


@cache
def postgres_account() -> Account | None:
    """The account PostgreSQL must run under, or None when we are an ordinary user ourselves."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam(POSTGRES_ACCOUNT)
    groups = tuple(group.gr_gid for group in grp.getgrall() if entry.pw_name in group.gr_mem)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, groups)


def postgres_home() -> Path:
    """The directory of the private cluster and its log; .local/postgres is it, or a link to it."""
    account = postgres_account()
    if account is None or account.may_enter(ROOT):
        return LOCAL / "postgres"
    return Path(f"/var/lib/care-field-{CHECKOUT_HASH}")


def sockets() -> Path:
    """The directory of all sockets: PostgreSQL's, Redis's, and those between nginx and the web processes."""
    directory = LOCAL / "run"
    account = postgres_account()
    short_enough = len(os.fsencode(directory)) + LONGEST_SOCKET_NAME <= LONGEST_SOCKET_PATH
    plain = re.fullmatch(r"[A-Za-z0-9/._+-]+", str(directory))  # it becomes part of URLs and of nginx's settings
    if short_enough and plain and (account is None or account.may_enter(ROOT)):
        return directory
    if os.geteuid() == 0:
        return Path(f"/run/care-field-{CHECKOUT_HASH}")
    return Path(f"/tmp/care-field-{os.getuid()}-{CHECKOUT_HASH}")  # noqa: S108 (prepare_directories checks whose it is)


def redis_socket() -> Path:
    """The one socket of the private Redis."""
    return sockets() / "redis.sock"


def prepare_directories() -> None:
    """Create the directories, with the sockets closed to everybody but PostgreSQL's account and us."""
    LOCAL.mkdir(exist_ok=True)
    for directory in (STAMPS, LOGS, STATIC_ROOT, LOCAL / "redis", LOCAL / "nginx"):
        directory.mkdir(exist_ok=True)
    account = postgres_account()
    for directory in (sockets(), postgres_home()):
        directory.mkdir(mode=0o700, exist_ok=True)
        owner = directory.lstat().st_uid
        if directory.is_symlink() or owner not in (os.geteuid(), account.uid if account else owner):
            raise SystemExit(f"{directory} belongs to somebody else; remove it and try again.")
        if account:
            os.chown(directory, account.uid, account.gid)
        directory.chmod(0o700)
    link = LOCAL / "postgres"
    if postgres_home() != link and not link.is_symlink():
        link.symlink_to(postgres_home())
