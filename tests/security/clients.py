"""
Clients that are signed in as somebody: with a complete session, with a password only, as a tablet, as a CAD system.
"""

from datetime import datetime
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from responders import sessions
from responders.models import Person


def desk_client(person: Person, *, at: datetime | None = None, second_factor: bool = True, **kwargs: Any) -> Client:
    """
    Return a client whose session has signed in as this person, with a second factor unless told not to.
    """
    client = Client(**kwargs)
    begin_session(client, person, at=at or timezone.now(), second_factor=second_factor)
    return client


def begin_session(client: Client, person: Person, *, at: datetime, second_factor: bool = True) -> None:
    """
    Sign a client in the way the sign-in pages do, without typing.
    """
    person.refresh_from_db()
    client.force_login(person, backend="responders.accounts.SignIn")
    request = HttpRequest()
    request.session = client.session
    record_authentication(request, person, "password")
    if second_factor:
        record_authentication(request, person, "mfa", type="totp")
    sessions.begin(request.session, at=at)
    request.session.save()
