"""
From a session to an actor: people at pages and at the API.

responders/middleware.py decides whether a session counts (second factor, 12 hours, 30 minutes) and puts the actor on the
request; nothing else makes an actor out of a session.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from redis.exceptions import RedisError
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.request import Request

from responders import sign_in
from responders.actors import Actor
from responders.models import Person
from responders.refusals import SecondFactorMissing, SecondFactorNeeded, SignInUnavailable


def actor_for(person: Person) -> Actor:
    """
    Return the person as the doors see them: one query for the roles.
    """
    return Actor(
        agency_id=person.agency_id,
        label=person.name,
        roles=frozenset(person.roles.values_list("name", flat=True)),
        person_id=person.pk,
        access_epoch=person.access_epoch,
    )


def actor_of(request: HttpRequest) -> Actor | None:
    """
    Return who is signed in on this request with everything that takes; None for anybody else.
    """
    return getattr(request, "actor", None)


def bearer(request: Request) -> Actor:
    """
    Return the actor of an API request that the permissions let through.

    :raises NotAuthenticated: nobody is signed in: the route is open to everybody.
    """
    # DRF's types know Django's users only.
    user: object = request.user
    if not isinstance(user, Actor):
        raise NotAuthenticated
    return user


class PersonAuthentication(BaseAuthentication):
    """
    Lets a person's session use the API, with Django's CSRF check.
    """

    def authenticate(self, request: Request) -> tuple[Actor, None] | None:
        """
        Return the session's actor, or None where there is none that counts.

        :raises PermissionDenied: the request may come from another site.
        """
        actor = actor_of(request._request)
        if actor is None:
            return None
        check_csrf(request._request)
        return actor, None

    def authenticate_header(self, request: Request) -> str:
        """
        Return the challenge of a 401.
        """
        return 'Session realm="care-field"'


def check_csrf(request: HttpRequest) -> None:
    """
    Hold a request that a cookie authorises to Django's CSRF rules; safe methods pass.

    :raises PermissionDenied: the token or the origin is missing or wrong.
    """
    check = CSRFCheck(lambda _: HttpResponse())
    check.process_request(request)
    reason = check.process_view(request, lambda _: HttpResponse(), (), {})
    if reason:
        raise PermissionDenied(f"CSRF: {reason}")


def person_at_session(request: HttpRequest) -> Person | None:
    """
    Return the person who is signed in on this request with everything that takes.
    """
    actor = actor_of(request)
    person = request.user
    return person if actor is not None and isinstance(person, Person) else None


def prove_person(request: HttpRequest, *, email: str, password: str, code: str) -> Person:
    """
    Return the person whom a password and a code prove, for a sign-on at a tablet; failures count towards the lock.

    In demo mode somebody without a second factor gets along without.

    :raises SignInRefused: address, password or code are wrong, or the account is locked or disabled.
    :raises SecondFactorNeeded: the password is right; ask for the code.
    :raises SecondFactorMissing: there is no authenticator app to ask.
    :raises SignInBusy: too many sign-ins at this moment.
    :raises SignInUnavailable: a used code could not be remembered, so none is taken.
    """
    at = timezone.now()
    person = sign_in.check_password(email=email, password=password, at=at)
    if sign_in.has_code(person):
        if not code:
            raise SecondFactorNeeded
        try:
            sign_in.check_code(person=person, code=code, at=at)
        except RedisError:
            raise SignInUnavailable from None
    elif not settings.DEMO:
        raise SecondFactorMissing
    sign_in.completed(person)
    Person.objects.filter(pk=person.pk).update(last_login=at)
    person.refresh_from_db(fields=["access_epoch", "last_login"])
    return person
