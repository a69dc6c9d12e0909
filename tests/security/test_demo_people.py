"""
The demo's invented people do not get into a real site.
"""

import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings as project
from django.core.exceptions import ImproperlyConfigured

from bench.site import environment
from responders.demo_people import refuse_outside_demo
from tests.factories import responders as make
from tests.security.test_boot import production

# As granian imports the web process, and as uvicorn imports the live one: inside its event loop.
_WEB = "import config.wsgi"
_LIVE = """
import asyncio
async def main():
    import config.asgi
asyncio.run(main())
"""


@pytest.mark.django_db
def test_a_real_site_does_not_start_on_a_database_of_the_demo(settings: Any) -> None:
    make.person(make.agency(), email="demo-dispatcher@example.org")
    refuse_outside_demo()

    settings.DEMO = False

    with pytest.raises(ImproperlyConfigured, match="people of the demo"):
        refuse_outside_demo()


@pytest.mark.django_db
def test_a_real_site_starts_on_its_own_database(settings: Any) -> None:
    make.person(make.agency())
    settings.DEMO = False

    refuse_outside_demo()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("process", [_WEB, _LIVE], ids=["web", "live"])
def test_neither_process_starts_on_a_database_of_the_demo(process: str) -> None:
    make.person(make.agency())

    assert _start(process).returncode == 0

    make.person(make.agency(), email="demo-dispatcher@example.org")
    started = _start(process)

    assert started.returncode != 0
    assert "The people of the demo are in this database" in started.stderr


def _start(process: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", process],
        env=production(DATABASE_URL=environment()["DATABASE_URL"]),
        cwd=project.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
