"""
From a tablet's token to an actor.

The token comes in ``Authorization: Tablet <token>``, or in a cookie that scripts cannot read. The cookie counts only on
requests that say ``X-Tablet: 1``: a desk session and a tablet may live in one browser, and no other site can make a
browser send that header.
"""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponseBase
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from journal.prepared import prepared_cursor
from responders.actors import Actor
from tablets import refusals
from tablets.models import Tablet
from tablets.origins import allowed_origins
from tablets.secrets import hash_token
from tablets.streams import (
    STANDINGS_SQL,
    TOKEN_SQL,
    Bearer,
    Standing,
    standing_of,
    standings_arguments,
    standings_of,
)

COOKIE_AGE = timedelta(days=365)
# The longest that browsers keep one.
BACKUP_COOKIE_AGE = timedelta(days=400)
# A tablet's last contact is written at most this often.
CONTACT_EVERY = timedelta(seconds=10)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# No token of ours is longer; hashing more would be work for whoever sends it.
_LONGEST = 100


class TabletAuthentication(BaseAuthentication):
    """
    Lets a paired tablet use the API, as the responder who is signed on at it.

    A view that says ``takes_deposits`` is for revoked tablets, too: they deliver what they still hold.
    """

    def authenticate(self, request: Request) -> tuple[Actor, Standing] | None:
        """
        Return the tablet's actor and standing, or None for a request that does not come as a tablet's.

        :raises TabletUnknown: the token is nobody's.
        :raises TabletRevoked: the tablet was taken out of use.
        :raises CrossSiteRequest: the cookie came with a request from elsewhere.
        """
        token = _token_of(request._request)
        if token is None:
            return None
        now = datetime.now(UTC)
        standing = standing_of_token(token, at=now)
        if standing is None:
            raise refusals.TabletUnknown
        if standing.revoked and not _takes_deposits(request):
            raise refusals.TabletRevoked(purge=True)
        if standing.seen_at is None or now - standing.seen_at >= CONTACT_EVERY:
            note_contact(standing, at=now)
        return actor_for(standing), standing

    def authenticate_header(self, request: Request) -> str:
        """
        Return the challenge of a 401.
        """
        return 'Tablet realm="care-field"'


def actor_for(standing: Standing) -> Actor:
    """
    Return a tablet's standing as the doors see it. Its bearer has the role of a responder there, and no other.
    """
    return Actor(
        agency_id=standing.agency_id,
        label=standing.label,
        roles=standing.roles,
        person_id=standing.person_id,
        unit_id=standing.unit_id,
        shift_id=standing.shift_id,
        tablet_id=standing.bearer.tablet_id,
        access_epoch=standing.access_epoch,
    )


def standing_of_token(token: str, *, at: datetime) -> Standing | None:
    """
    Return the standing of the tablet that holds this token, or None. Right and wrong tokens cost the same one query.
    """
    with prepared_cursor() as cursor:
        cursor.execute(TOKEN_SQL, {"token_hash": hash_token(token[:_LONGEST]), "at": at.isoformat()})
        row = cursor.fetchone()
    return None if row is None else standing_of(row)


def standing_now(bearer: Bearer, *, at: datetime) -> Standing | None:
    """
    Return what a bearer is and may hear at this moment, or None where they have no access any more.
    """
    with prepared_cursor() as cursor:
        cursor.execute(STANDINGS_SQL, standings_arguments([bearer], at=at))
        return standings_of([bearer], cursor.fetchall()).get(bearer)


def note_contact(standing: Standing, *, at: datetime) -> None:
    """
    Write down that a tablet was heard of. No document, no entry: it changes all the time.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tablets_contact AS c (tablet_id, seen_at, app_version) VALUES (%s, %s, '')"
            " ON CONFLICT (tablet_id) DO UPDATE SET seen_at = greatest(c.seen_at, EXCLUDED.seen_at)",
            [standing.bearer.tablet_id, at],
        )


def note_touch(tablet_id: int, *, touched_at: datetime | None, battery: int | None, at: datetime) -> None:
    """
    Write down what a tablet reports of itself: when a person last touched it (never in the future), and its battery.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tablets_contact SET touched_at = greatest(touched_at, least(%s::timestamptz, %s)),"
            " battery = coalesce(%s, battery) WHERE tablet_id = %s",
            [touched_at, at, battery, tablet_id],
        )


def set_cookie(response: HttpResponseBase, token: str) -> None:
    """
    Give a browser its tablet's token, out of reach of scripts and of other sites.
    """
    response.set_cookie(
        settings.TABLET_COOKIE_NAME,
        token,
        max_age=COOKIE_AGE,
        path="/",
        secure=settings.SECURE,
        httponly=True,
        samesite="Strict",
    )


def set_backup_cookie(response: HttpResponseBase, key: str) -> None:
    """
    Give a browser its tablet's key for backup, which outlives sign-ons, sessions and versions of the app.
    """
    response.set_cookie(
        settings.BACKUP_COOKIE_NAME,
        key,
        max_age=BACKUP_COOKIE_AGE,
        path="/",
        secure=settings.SECURE,
        httponly=True,
        samesite="Strict",
    )


def actor_of(request: HttpRequest) -> Actor | None:
    """
    Return the actor of the tablet whose cookie came with a page, or None: for pages, which only read.
    """
    standing = _standing_of_page(request)
    return None if standing is None else actor_for(standing)


def tablet_of(request: HttpRequest) -> Tablet | None:
    """
    Return the tablet whose cookie came with a page, or None.
    """
    standing = _standing_of_page(request)
    return None if standing is None else Tablet.objects.filter(pk=standing.bearer.tablet_id or 0).first()


def _standing_of_page(request: HttpRequest) -> Standing | None:
    token = request.COOKIES.get(settings.TABLET_COOKIE_NAME)
    if token is None or request.method not in _SAFE:
        return None
    standing = standing_of_token(token, at=datetime.now(UTC))
    return None if standing is None or standing.revoked else standing


def _takes_deposits(request: Request) -> bool:
    view = (request.parser_context or {}).get("view")
    return bool(getattr(view, "takes_deposits", False))


def comes_as_tablet(request: HttpRequest) -> bool:
    """
    Tell whether a request says that it is a tablet's. It is answered as one, whatever else it carries.
    """
    return (
        request.META.get("HTTP_X_TABLET") == "1" or request.META.get("HTTP_AUTHORIZATION", "")[:7].lower() == "tablet "
    )


def _token_of(request: HttpRequest) -> str | None:
    scheme, _, given = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "tablet":
        return str(given.strip())
    if request.META.get("HTTP_X_TABLET") != "1":
        return None
    token: str | None = request.COOKIES.get(settings.TABLET_COOKIE_NAME)
    if token is None:
        # It says that it is a tablet, so it is answered as one, whatever desk session the browser may hold.
        raise refusals.TabletUnknown
    if request.method not in _SAFE:
        _check_same_origin(request)
    return token


def _check_same_origin(request: HttpRequest) -> None:
    # Browsers set both and no page can. One that sends neither is not a browser of this decade.
    site, origin = request.META.get("HTTP_SEC_FETCH_SITE"), request.META.get("HTTP_ORIGIN")
    if site is not None and site != "same-origin":
        raise refusals.CrossSiteRequest
    if origin is not None and origin not in allowed_origins():
        raise refusals.CrossSiteRequest
    if site is None and origin is None:
        raise refusals.CrossSiteRequest
