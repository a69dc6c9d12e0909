"""
The REST door of CAD systems: calls in, messages out, and a heartbeat.

``Authorization: CAD <key>``. A revision of a call is applied once: its receipt is keyed by the key, the number and the
revision, so a repeated request gets the first answer, whatever became of the connection.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiResponse, extend_schema
from redis.exceptions import RedisError
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer, ValidationError
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from dispatch import cad_serializers
from dispatch.actions import cad_link, intake
from journal.bodies import no_unknown_keys
from journal.door import answer_once, open_door
from journal.refusals import ActionIdReused, InvalidArgs
from responders.actors import Actor
from responders.authentication import bearer
from responders.rate_limits import hit

_KIND = "cad.revision"
# Receipts of revisions live in a space of their own: no client can make one of these ids by chance.
_REVISIONS = UUID("5d7a6a56-5b0e-4c0f-8a53-2f3b6a8c1e94")
_SCHEME = "CAD"


@dataclass(frozen=True, slots=True)
class Link:
    """
    What a key brings: its limit in requests a minute, and when screens were last told that its CAD is there.
    """

    rate: int
    told_at: datetime | None


class CadAuthentication(BaseAuthentication):
    """
    Lets a CAD in by its key, of which only the SHA-256 is kept.
    """

    def authenticate(self, request: Request) -> tuple[Actor, Link] | None:
        """
        Return the CAD as an actor, and its link.

        :raises AuthenticationFailed: the key is unknown or revoked.
        """
        scheme, _, key = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme != _SCHEME:
            return None
        # The bytes are compared in the database by their hash: how long that takes says nothing about the key.
        row = cad_link.heard(key_hash=sha256(key.strip().encode("utf-8", "replace")).digest(), at=timezone.now())
        if row is None:
            raise AuthenticationFailed
        key_id, agency_id, name, rate, told_at = row
        return Actor(agency_id=agency_id, label=name, cad_key_id=key_id), Link(rate=rate, told_at=told_at)

    def authenticate_header(self, request: Request) -> str:
        """
        Return the challenge of a 401.
        """
        return f'{_SCHEME} realm="care-field"'


class CadAuthenticationScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself
    """
    Describes the key to the API's schema.
    """

    target_class = "dispatch.cad_feed.CadAuthentication"
    name = "cadKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """
        Return the scheme as OpenAPI writes it.
        """
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`CAD <key>`"}


class CadRate(BaseThrottle):
    """
    Holds each key to its own rate, counted in Redis for all processes together.
    """

    def allow_request(self, request: Request, view: APIView) -> bool:
        """
        Tell whether the key's rate allows one more request. Without Redis calls go on coming in.
        """
        link = request.auth
        if not isinstance(link, Link):
            return True
        try:
            return hit(f"{link.rate}/minute", "cad", str(request.user))
        except RedisError:
            return True

    def wait(self) -> float:
        """
        Return after how many seconds to try again.
        """
        return 5.0


class CadView(APIView):
    """
    What every address of the feed does: a key, a rate, and the screens told that CAD is there.
    """

    authentication_classes = [CadAuthentication]
    throttle_classes = [CadRate]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """
        Check key and rate, then tell the screens that CAD was heard of when they have not been told for a while.
        """
        super().initial(request, *args, **kwargs)
        now, cad = timezone.now(), bearer(request)
        link: object = request.auth
        assert isinstance(link, Link)
        if link.told_at is None or link.told_at <= now - cad_link.TOLD_EVERY:
            with open_door(by=cad, at=now):
                cad_link.tell(agency_id=cad.agency_id, by=cad, at=now)


class CadCalls(CadView):
    """
    POST /api/cad/calls/
    """

    route_name = "cad.calls"

    @extend_schema(
        operation_id="cad_calls",
        request=cad_serializers.CadCallInput,
        responses={
            200: cad_serializers.CadCallOutput,
            400: OpenApiResponse(description="invalid_args: facts.fields names each field with code and message"),
            409: OpenApiResponse(description="revision_reused"),
            429: OpenApiResponse(description="too_many_requests"),
        },
    )
    def post(self, request: Request) -> Response:
        """
        Take one revision of a call. Any order and any number of repetitions of the same revisions end in the same call.
        """
        now = timezone.now()
        revision = _read(cad_serializers.CadCallInput, request.data).call()
        cad = bearer(request)
        name = f"{cad.cad_key_id}/{cad.agency_id}/{revision.revision}/{revision.number}"

        def act() -> dict[str, Any]:
            taken = intake.take_revision(agency_id=cad.agency_id, revision=revision, by=cad, at=now)
            return {
                "status": "applied" if taken.applied else "stored",
                "call": taken.call.pk,
                "number": revision.number,
                "revision": revision.revision,
                "current_revision": taken.call.cad_revision,
                "created": taken.created,
            }

        try:
            answer = answer_once(
                action_id=uuid5(_REVISIONS, name), kind=_KIND, args=revision.as_payload(), by=cad, at=now, act=act
            )
        except ActionIdReused:
            raise intake.revision_reused(revision) from None
        return Response({**answer.body, "replayed": answer.replayed}, status=answer.status)


class CadHeartbeat(CadView):
    """
    POST /api/cad/heartbeat/
    """

    route_name = "cad.heartbeat"

    @extend_schema(operation_id="cad_heartbeat", request=None, responses={204: OpenApiResponse(description="heard")})
    def post(self, request: Request) -> Response:
        """
        Say that CAD is there. Send one every 10 s while there is nothing else to send.
        """
        return Response(status=204)


class CadMessages(CadView):
    """
    GET /api/cad/messages/
    """

    route_name = "cad.messages"

    @extend_schema(operation_id="cad_messages", responses={200: cad_serializers.CadMessageOutput(many=True)})
    def get(self, request: Request) -> Response:
        """
        Return what we ask CAD to do and it has not answered, oldest first.
        """
        now, cad = timezone.now(), bearer(request)
        with open_door(by=cad, at=now):
            messages = cad_link.fetch(agency_id=cad.agency_id, at=now)
        return Response(
            [
                {
                    "id": message.pk,
                    "kind": message.kind,
                    "number": message.call.number,
                    "body": message.body,
                    "made_at": message.made_at,
                }
                for message in messages
            ]
        )


class CadMessage(CadView):
    """
    POST /api/cad/messages/<id>/
    """

    route_name = "cad.message"

    @extend_schema(
        operation_id="cad_message",
        request=cad_serializers.MessageAnswerInput,
        responses={
            200: OpenApiResponse(description="settled"),
            404: OpenApiResponse(description="message_not_found"),
            409: OpenApiResponse(description="message_settled: it was answered differently before"),
        },
    )
    def post(self, request: Request, message_id: int) -> Response:
        """
        Take CAD's answer to a message. The same answer again changes nothing.
        """
        now, cad = timezone.now(), bearer(request)
        given = _read(cad_serializers.MessageAnswerInput, request.data).validated_data
        with open_door(by=cad, at=now):
            message = cad_link.settle(
                message_id=message_id,
                agency_id=cad.agency_id,
                confirmed=given["answer"] == "CONFIRMED",
                reason=given.get("reason", ""),
                number=given.get("number", ""),
                by=cad,
                at=now,
            )
        return Response({"id": message.pk, "answer": given["answer"]})


def _read(serializer_class: type[Any], data: object) -> Any:
    """
    Return the valid serializer of a body.

    :raises InvalidArgs: it cannot be understood; facts name each field with codes and sentences.
    """
    if not isinstance(data, dict):
        raise InvalidArgs(fields={"body": [{"code": "not_an_object", "message": "The body must be a JSON object."}]})
    serializer: Serializer[Any] = serializer_class(data=data)
    try:
        no_unknown_keys(data, serializer)
        serializer.is_valid(raise_exception=True)
    except ValidationError as error:
        raise InvalidArgs(fields=_coded(error.get_full_details())) from None
    return serializer


def _coded(details: Any, path: str = "") -> dict[str, list[dict[str, str]]]:
    # Flat, one key for each place in the body: what is wrong in the second unit is at "care_units.1.on_scene_at".
    if isinstance(details, dict) and set(details) != {"message", "code"}:
        inner = [(str(name), value) for name, value in details.items()]
    elif isinstance(details, list) and not any("code" in one for one in details):
        inner = [(str(index), value) for index, value in enumerate(details)]
    else:
        found = details if isinstance(details, list) else [details]
        return {path or "body": [{"code": str(one["code"]), "message": str(one["message"])} for one in found]}
    problems: dict[str, list[dict[str, str]]] = {}
    for name, value in inner:
        problems |= _coded(value, f"{path}.{name}" if path else name)
    return problems
