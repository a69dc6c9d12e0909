"""
A site that would be dangerous does not start, and one that is set up right has nothing to warn of (H5, H6).
"""

import base64
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

_KEY = base64.b64encode(bytes(32)).decode()
_KEPT = ("PATH", "DATABASE_URL", "REDIS_URL", "HOME")


def production(**changes: str | None) -> dict[str, str]:
    """
    Return the environment of a production site, with some settings changed or, by None, missing.
    """
    environment = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "MFA_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
        "TABLET_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
        "SEAL_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
        "FIELD_KEYS": "2026:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "BLIND_INDEX_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "PUBLIC_ORIGIN": "https://care.example.gov",
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
        **{name: value for name, value in changes.items() if value is not None},
    }
    for name, value in changes.items():
        if value is None:
            environment.pop(name, None)
    return environment


def start(*arguments: str, **changes: str | None) -> "subprocess.CompletedProcess[str]":
    """
    Run manage.py as on a production site, with some settings changed or, by None, missing.
    """
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env=production(**changes),
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_production_site_passes_the_deployment_checks_without_a_warning() -> None:
    checked = start("check", "--deploy", "--fail-level", "WARNING")

    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"SECRET_KEY": "insecure-" + "x" * 60}, "SECRET_KEY"),
        ({"MFA_KEYS": None}, "MFA_KEYS"),
        ({"MFA_KEYS": "c2hvcnQ="}, "MFA_KEYS"),
        ({"TABLET_KEYS": None}, "TABLET_KEYS"),
        ({"SEAL_KEYS": "c2hvcnQ="}, "SEAL_KEYS"),
        ({"FIELD_KEYS": None}, "FIELD_KEYS"),
        ({"FIELD_KEYS": "2026:c2hvcnQ="}, "FIELD_KEYS"),
        ({"FIELD_KEYS": _KEY}, "FIELD_KEYS"),
        ({"FIELD_KEYS": f"demo:{_KEY}"}, "FIELD_KEYS"),
        ({"FIELD_KEYS": f"2026:{_KEY},2026:{_KEY}"}, "FIELD_KEYS"),
        ({"BLIND_INDEX_KEY": None}, "BLIND_INDEX_KEY"),
        ({"BLIND_INDEX_KEY": "c2hvcnQ="}, "BLIND_INDEX_KEY"),
        ({"PUBLIC_ORIGIN": "http://care.example.gov"}, "https://"),
        ({"DEBUG": "1"}, "DEBUG"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"),
        ({"DEMO_PASSWORD": "demo"}, "DEMO_PASSWORD"),
        ({"SECRET_KEY_FILE": "/nowhere"}, "SECRET_KEY_FILE"),
    ],
)
def test_a_dangerous_setting_stops_the_start_and_says_which(changes: dict[str, str | None], says: str) -> None:
    checked = start("check", **changes)

    assert checked.returncode != 0
    assert "ImproperlyConfigured" in checked.stderr
    assert says in checked.stderr.rsplit("ImproperlyConfigured", 1)[1]


def test_secrets_are_read_from_files(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(secrets.token_urlsafe(64) + "\n")

    assert start("check", SECRET_KEY=None, SECRET_KEY_FILE=str(key)).returncode == 0


def test_outside_demo_mode_the_demo_doors_and_the_schema_do_not_exist() -> None:
    asked = start(
        "shell",
        "--no-imports",
        "-c",
        "import sys; from django.urls import resolve, Resolver404\n"
        "for path in ['/demo/enter/dispatcher/', '/demo/enter/tablet-1/', '/demo/', '/api/schema/']:\n"
        "    try: resolve(path)\n"
        "    except Resolver404: print('absent')\n"
        "print('loaded' if 'dispatch.demo' in sys.modules else 'not loaded')",
    )

    assert asked.stdout.split("\n")[:5] == ["absent"] * 4 + ["not loaded"], asked.stderr


def test_cookies_of_a_production_site_are_bound_to_their_host() -> None:
    asked = start(
        "shell",
        "--no-imports",
        "-c",
        "from django.conf import settings as s\n"
        "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.TABLET_COOKIE_NAME, s.SESSION_COOKIE_SECURE,"
        " s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY, s.SESSION_COOKIE_SAMESITE, s.SECURE_HSTS_SECONDS >= 31536000)",
    )

    assert asked.stdout.strip() == "__Host-session __Host-csrf __Host-tablet True True True Strict True", asked.stderr
