"""
The tablets' REST doors: pairing, signing on, the exchange, tickets for the live line, positions.
"""

from datetime import datetime
from typing import Any, cast

import segno
from django.conf import settings
from django.contrib.gis.geos import Point
from django.db import connection
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from journal.bodies import read_body
from journal.door import open_door
from journal.refusals import InvalidArgs
from responders import queries, sign_in
from responders.actions import positions
from responders.actors import Actor
from responders.authentication import actor_of as person_at_session
from responders.models import Person
from responders.refusals import SecondFactorMissing, SecondFactorNeeded
from responders.sessions import key_hash
from tablets import lanes, load, refusals, seals, serializers, sync
from tablets.actions import backup_keys, purges
from tablets.actions import pair as pairing
from tablets.actions import sign_off as signing_off
from tablets.actions import sign_on as signing_on
from tablets.authentication import note_touch, set_backup_cookie, set_cookie, standing_now
from tablets.exchange import PROTOCOL, Exchange, read_exchange
from tablets.models import Contact, Installation, Ticket
from tablets.secrets import hash_token, new_token
from tablets.streams import Bearer, Standing
from tablets.times import instant

TICKET_SECONDS = 30
_OBJECT = OpenApiResponse(response=OpenApiTypes.OBJECT)


class PairingCodes(APIView):
    """
    POST /api/tablets/pairing-codes/
    """

    route_name = "tablets.pairing-code"

    @extend_schema(operation_id="make_pairing_code", request=serializers.MakeCode, responses={201: _OBJECT})
    def post(self, request: Request) -> Response:
        """
        Make a one-time code that pairs a tablet with a unit, as text and as a QR code. It is shown once.
        """
        now = timezone.now()
        given = read_body(serializers.MakeCode, request.data)
        with open_door(by=_actor(request), at=now):
            new = pairing.make_code(unit_id=given["unit"], name=given["name"], by=_actor(request), at=now)
        # The code is in the fragment: a browser sends that to nobody, so it is in no log.
        url = f"{settings.PUBLIC_ORIGIN}/tablet/pair/#{new.code}"
        qr = segno.make(url, error="m").svg_inline(scale=6, dark="#000", light="#fff", border=4)
        return Response(
            {"code": new.code, "expires_at": instant(new.expires_at), "url": url, "qr_svg": qr}, status=201
        )


class Pair(APIView):
    """
    POST /api/tablets/pair/
    """

    route_name = "tablets.pair"
    # The code is the credential: a cookie of an earlier pairing is neither needed nor in the way.
    authentication_classes = ()

    @extend_schema(operation_id="pair_tablet", request=serializers.Pair, responses={200: _OBJECT})
    def post(self, request: Request) -> Response:
        """
        Trade a code for this tablet's token: in a cookie that scripts cannot read, or in the body where it is wanted.
        """
        now = timezone.now()
        given = read_body(serializers.Pair, request.data)
        code_id = pairing.count_attempt(code=given["code"], at=now)
        with open_door(by="tablet:new", at=now):
            tablet, token = pairing.trade(code_id=code_id, code=given["code"], at=now)
            key = backup_keys.issue(tablet_id=tablet.pk, by=f"tablet:{tablet.pk}", at=now)
        body: dict[str, Any] = {"tablet": tablet.pk, "unit": tablet.unit_id, "name": tablet.name}
        if given["want"] == "token":
            return Response({**body, "token": token, "backup_key": key})
        response = Response(body)
        set_cookie(response, token)
        set_backup_cookie(response, key)
        return response


class BackupKey(APIView):
    """
    POST /api/tablets/backup-key/
    """

    route_name = "tablets.backup-key"

    @extend_schema(operation_id="tablet_backup_key", request=None, responses={200: _OBJECT})
    def post(self, request: Request) -> Response:
        """
        Give this tablet a new key for backup, the way it has its token: in a cookie, or in the body.
        """
        now = timezone.now()
        with open_door(by=_actor(request), at=now):
            key = backup_keys.issue(tablet_id=_tablet_id(request), by=_actor(request), at=now)
        body = {"made_at": instant(now)}
        if request.headers.get("Authorization", "")[:7].lower() == "tablet ":
            return Response({**body, "backup_key": key})
        response = Response(body)
        set_backup_cookie(response, key)
        return response


class SignOn(APIView):
    """
    POST /api/tablets/sign-on/
    """

    route_name = "tablets.sign-on"
    # Whoever is signed in at a page of this browser need not type it all again.
    reads_session = True

    @extend_schema(operation_id="sign_on_at_tablet", request=serializers.SignOnRequest, responses={200: _OBJECT})
    def post(self, request: Request) -> Response:
        """
        Sign a responder on at this tablet: by password and second factor, or by their session in this browser.
        """
        now = timezone.now()
        given = read_body(serializers.SignOnRequest, request.data)
        person_id = _proven_person(request, given, at=now)
        with open_door(by=f"person:{person_id}", at=now):
            signed_on = signing_on.sign_on(
                tablet_id=_tablet_id(request),
                person_id=person_id,
                by=f"person:{person_id}",
                at=now,
                planned_end_at=given["planned_end_at"],
            )
        shift = signed_on.shift
        return Response(
            {
                "person": shift.person_id,
                "shift": shift.pk,
                "planned_end_at": instant(shift.planned_end_at),
                "signed_on_until": instant(signed_on.expires_at),
            }
        )


class SignOff(APIView):
    """
    POST /api/tablets/sign-off/
    """

    route_name = "tablets.sign-off"

    @extend_schema(operation_id="sign_off_at_tablet", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """
        Leave this tablet. The shift goes on: the action shift.sign_off ends it.
        """
        now = timezone.now()
        with open_door(by=_actor(request), at=now):
            signing_off.sign_off(tablet_id=_tablet_id(request), by=_actor(request), at=now)
        return Response(status=204)


class Unlock(APIView):
    """
    POST /api/tablets/unlock/
    """

    route_name = "tablets.unlock"

    @extend_schema(operation_id="unlock_tablet", request=serializers.Unlock, responses={200: _OBJECT})
    def post(self, request: Request) -> Response:
        """
        Open the lock screen by the password of whoever is signed on here; a wrong one counts as a failed sign-in.
        """
        now = timezone.now()
        given = read_body(serializers.Unlock, request.data)
        here = Person.objects.filter(pk=_actor(request).person_id or 0).first()
        if here is None:
            raise refusals.NotSignedOn
        sign_in.check_password(email=here.email, password=given["password"], at=now)
        sign_in.completed(here)
        note_touch(_tablet_id(request), touched_at=now, battery=None, at=now)
        return Response({"person": here.pk})


class Me(APIView):
    """
    GET /api/tablets/me/
    """

    route_name = "tablets.me"

    @extend_schema(operation_id="which_tablet", responses={200: _OBJECT})
    def get(self, request: Request) -> Response:
        """
        Say which tablet this is and who is signed on at it.
        """
        _tablet_id(request)
        standing = cast("Standing", request.auth)
        return Response(
            {
                "tablet": standing.bearer.tablet_id,
                "unit": standing.unit_id,
                "person": standing.person_id,
                "name": standing.label,
                "shift": standing.shift_id,
                "signed_on_until": None if standing.expires_at is None else instant(standing.expires_at),
            }
        )


class Sync(APIView):
    """
    POST /api/sync
    """

    route_name = "sync"
    takes_deposits = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """
        Keep room for what carries actions: who only asks may have to come back, and is told so before anything is done.
        """
        self.slot = load.enter(lambda: _carries_actions(request))
        super().initial(request, *args, **kwargs)

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """
        Answer, and give the room back whatever the answer was.
        """
        self.slot = False
        try:
            return super().dispatch(request, *args, **kwargs)
        finally:
            load.leave(self.slot)

    @extend_schema(operation_id="sync", request=serializers.Exchange, responses={200: _OBJECT, 426: _OBJECT})
    def post(self, request: Request) -> HttpResponse:
        """
        Exchange: a tablet's actions up, answers down, and what changed in every stream that the bearer may hear.
        """
        now = timezone.now()
        exchange = read_exchange(request.data)
        standing = _standing(request, at=now)
        if exchange.installation is not None and standing.bearer.tablet_id is None:
            raise refusals.TabletAnswersOnly
        taken = lanes.take(standing, exchange, received_at=now)
        if not exchange.understood:
            return _unknown_protocol(standing, exchange, taken)
        if taken.answers:
            # Minutes may have passed in a queue's seconds, and whoever signed on or off in it hears other streams.
            now = timezone.now()
            if taken.changed_something:
                standing = standing_now(standing.bearer, at=now) or standing
        body = sync.pull(standing, exchange, taken=taken, at=now)
        return HttpResponse(body, content_type="application/json")


class Key(APIView):
    """
    POST /api/tablets/key/
    """

    route_name = "tablets.key"

    @extend_schema(operation_id="tablet_key", request=serializers.Key, responses={200: _OBJECT})
    def post(self, request: Request) -> Response:
        """
        Release, to whoever is signed on, the keys of what this installation keeps, and say to whom its actions are sealed.
        """
        now = timezone.now()
        given = read_body(serializers.Key, request.data)
        tablet_id, person_id = _tablet_id(request), _actor(request).person_id
        standing = cast("Standing", request.auth)
        assert person_id is not None, "the grants let nobody else in"
        assert standing.expires_at is not None, "somebody is signed on"
        exchange = Exchange(installation=given["installation"])
        # A store that asks for its first key can have kept nothing yet, whatever its clock will say of it.
        if (over := lanes.enter(standing, exchange, at=now, empty_at=now)) is not None:
            raise over
        installation = Installation.objects.get(pk=given["installation"], tablet=tablet_id)
        released = seals.release(installation=installation.pk, generation=installation.generation, person_id=person_id)
        return Response({**released, "lease_until": instant(standing.expires_at), "now": instant(now)})


class Purged(APIView):
    """
    POST /api/tablets/purged/
    """

    route_name = "tablets.purged"
    takes_deposits = True

    @extend_schema(operation_id="tablet_purged", request=serializers.Purged, responses={200: _OBJECT})
    def post(self, request: Request) -> Response:
        """
        Say that an installation was erased, with what it held and what is left: proof for whoever ordered it.
        """
        now = timezone.now()
        given = read_body(serializers.Purged, request.data)
        with open_door(by=_actor(request), at=now):
            purge = purges.confirm(tablet_id=_tablet_id(request), by=_actor(request), at=now, **given)
        return Response({"confirmed_at": None if purge.confirmed_at is None else instant(purge.confirmed_at)})


class LiveTicket(APIView):
    """
    POST /api/live-ticket
    """

    route_name = "live-ticket"

    @extend_schema(operation_id="live_ticket", request=None, responses={200: _OBJECT})
    def post(self, request: Request) -> Response:
        """
        Give a ticket that opens one live line within 30 seconds, once.
        """
        standing = _standing(request, at=timezone.now())
        if not standing.streams:
            raise refusals.NothingToHear
        ticket = new_token()
        bearer = standing.bearer
        with connection.cursor() as cursor:
            # Those that nobody can use any more go with it: the table stays as small as half an hour's traffic.
            cursor.execute("DELETE FROM tablets_ticket WHERE made_at < now() - interval '30 minutes'")
        Ticket.objects.create(
            ticket_hash=hash_token(ticket),
            tablet_id=bearer.tablet_id,
            person_id=bearer.person_id,
            session_key=bearer.session_key,
            access_epoch=bearer.access_epoch,
        )
        return Response({"ticket": ticket, "expires_in": TICKET_SECONDS})


class Position(APIView):
    """
    POST /api/tablets/position/
    """

    route_name = "tablets.position"

    @extend_schema(operation_id="report_position", request=serializers.Position, responses={204: None})
    def post(self, request: Request) -> Response:
        """
        Say where this tablet's unit is. No receipt and no entry: a position only counts until the next one.
        """
        now = timezone.now()
        given = read_body(serializers.Position, request.data)
        actor, tablet_id = _actor(request), _tablet_id(request)
        assert actor.unit_id is not None, "every tablet has a unit"
        positions.keep(
            unit_id=actor.unit_id,
            point=Point(given["lon"], given["lat"], srid=4326),
            accuracy_m=given["accuracy_m"],
            heading=given["heading"],
            seen_at=given["at"],
            at=now,
        )
        if given["touched_at"] is not None or given["battery"] is not None:
            note_touch(tablet_id, touched_at=given["touched_at"], battery=given["battery"], at=now)
        return Response(status=204)


class Positions(APIView):
    """
    GET /api/positions/
    """

    route_name = "positions"

    @extend_schema(operation_id="positions", responses={200: _OBJECT})
    def get(self, request: Request) -> Response:
        """
        Say where units last were, and how long ago: all of the agency to the desk, those of its areas to a tablet.
        """
        now = timezone.now()
        actor = _actor(request)
        rows = queries.positions_of(actor.agency_id, now)
        tablets: list[dict[str, Any]] = []
        if actor.tablet_id is None:
            contacts = Contact.objects.filter(tablet__agency=actor.agency_id, tablet__revoked_at=None)
            tablets = [
                {"tablet": row.tablet_id, "unit": row.tablet.unit_id, "seen_at": row.seen_at, "battery": row.battery}
                for row in contacts.select_related("tablet").order_by("tablet_id")
            ]
        else:
            near = _units_of_same_areas(actor)
            rows = [row for row in rows if row["unit"] in near]
        return Response({"now": instant(now), "positions": rows, "tablets": tablets})


def _carries_actions(request: Request) -> bool:
    return isinstance(request.data, dict) and bool(request.data.get("actions"))


def _unknown_protocol(standing: Standing, exchange: Exchange, taken: lanes.Taken) -> Response:
    refusal = refusals.ProtocolUnknown(supported=[PROTOCOL])
    body = {
        "status": "refused",
        **refusal.as_dict(),
        "supported": [PROTOCOL],
        "answers": [answered.as_dict() for answered in taken.answers],
        "seq": lanes.last_seq(standing, exchange.installation),
    }
    if taken.expected_seq is not None:
        body["expected_seq"] = taken.expected_seq
    return Response(body, status=refusal.status)


def _units_of_same_areas(actor: Actor) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT other.unit_id FROM responders_unit_areas own"
            " JOIN responders_unit_areas other USING (servicearea_id) WHERE own.unit_id = %s",
            [actor.unit_id],
        )
        return {row[0] for row in cursor.fetchall()} | {actor.unit_id or 0}


def _standing(request: Request, *, at: datetime) -> Standing:
    # A tablet's came with its authentication. A person's is asked for by the session that they came with.
    if isinstance(request.auth, Standing):
        return request.auth
    session_key = request._request.session.session_key
    actor = _actor(request)
    bearer = Bearer(
        person_id=actor.person_id, session_key=key_hash(session_key or ""), access_epoch=actor.access_epoch or 0
    )
    standing = standing_now(bearer, at=at)
    if standing is None:
        raise refusals.NothingToHear
    return standing


def _actor(request: Request) -> Actor:
    # Our authentication classes make nothing else; what they let pass as nobody, the grants have stopped.
    return cast("Actor", request.user)


def _tablet_id(request: Request) -> int:
    tablet_id = _actor(request).tablet_id
    if tablet_id is None:
        raise refusals.TabletAnswersOnly
    return tablet_id


def _proven_person(request: Request, given: dict[str, Any], *, at: datetime) -> int:
    if "email" not in given and "password" not in given:
        # The middleware puts an actor there only for a session that has shown its second factor.
        actor = person_at_session(request._request)
        if actor is None or actor.person_id is None:
            raise InvalidArgs(fields={"email": ["This field is required."], "password": ["This field is required."]})
        return actor.person_id
    if missing := sorted({"email", "password"} - set(given)):
        raise InvalidArgs(fields={name: ["This field is required."] for name in missing})
    person = sign_in.check_password(email=given["email"], password=given["password"], at=at)
    if not settings.DEMO:
        if not sign_in.has_code(person):
            raise SecondFactorMissing
        if not given["code"]:
            raise SecondFactorNeeded
        sign_in.check_code(person=person, code=given["code"], at=at)
    sign_in.completed(person)
    return person.pk
