"""
The demo's invented people do not get into a real site.
"""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from responders.demo_people import refuse_outside_demo
from tests.factories import responders as make


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
