"""
The door of those who refer with a key: 988, hotlines, providers.

``Authorization: Intake <key>``. Whatever is sent is decided once for its id; what came of it can be asked for, by the same key.
"""

from hashlib import sha256
from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiResponse, extend_schema
from redis.exceptions import RedisError
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from dispatch.actions import referrals
from dispatch.models import IntakeKey, Referral
from dispatch.referral_documents import bodies
from dispatch.referral_kinds import referral_body
from dispatch.referral_refusals import ReferralNotFound
from dispatch.referral_serializers import IntakeInput
from journal.bodies import read_body
from journal.door import answer_once
from responders.actors import Actor
from responders.authentication import bearer
from responders.rate_limits import hit

_SCHEME = "Intake"
_KIND = "referral.make"
# A crisis line refers a few times an hour; somebody who has stolen its key does not fill the boards.
_RATE = "30/minute"


class IntakeAuthentication(BaseAuthentication):
    """
    Lets in by a key, of which only the SHA-256 is kept.
    """

    def authenticate(self, request: Request) -> tuple[Actor, None] | None:
        """
        Return the key's holder as an actor.

        :raises AuthenticationFailed: the key is unknown or revoked.
        """
        scheme, _, key = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme != _SCHEME:
            return None
        # The bytes are compared in the database by their hash: how long that takes says nothing about the key.
        key_hash = sha256(key.strip().encode("utf-8", "replace")).digest()
        found = IntakeKey.objects.filter(key_hash=key_hash, revoked_at=None).first()
        if found is None:
            raise AuthenticationFailed
        return Actor(agency_id=found.agency_id, label=found.name, intake_key_id=found.pk), None

    def authenticate_header(self, request: Request) -> str:
        """
        Return the challenge of a 401.
        """
        return f'{_SCHEME} realm="care-field"'


class IntakeAuthenticationScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself
    """
    Describes the key to the API's schema.
    """

    target_class = "dispatch.referral_api.IntakeAuthentication"
    name = "intakeKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """
        Return the scheme as OpenAPI writes it.
        """
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`Intake <key>`"}


class IntakeRate(BaseThrottle):
    """
    Holds each key to its rate, counted in Redis for all processes together.
    """

    def allow_request(self, request: Request, view: APIView) -> bool:
        """
        Tell whether the key's rate allows one more request. Without Redis people go on being referred.
        """
        try:
            return hit(_RATE, "intake", str(request.user))
        except RedisError:
            return True

    def wait(self) -> float:
        """
        Return after how many seconds to try again.
        """
        return 10.0


class Referrals(APIView):
    """
    POST /api/referrals/
    """

    route_name = "referrals"
    authentication_classes = [IntakeAuthentication]
    throttle_classes = [IntakeRate]

    @extend_schema(
        operation_id="refer",
        request=IntakeInput,
        responses={
            200: OpenApiResponse(description="decided: referral, state, reasons and what else is suggested"),
            400: OpenApiResponse(description="invalid_args: facts.fields names each field"),
            409: OpenApiResponse(description="referral_call_ended"),
            422: OpenApiResponse(description="action_id_reused"),
            429: OpenApiResponse(description="too_many_requests"),
        },
    )
    def post(self, request: Request) -> Response:
        """
        Refer a call, somebody who was met, or a person for later contact. Decided at once; the same id is decided once.
        """
        now, by = timezone.now(), bearer(request)
        given = read_body(IntakeInput, request.data)
        action_id = given.pop("id")
        answer = answer_once(
            action_id=action_id,
            kind=_KIND,
            args=request.data,
            by=by,
            at=now,
            act=lambda: referral_body(referrals.make(by=by, at=now, **given)),
        )
        body = answer.body | {"status": answer.verdict}
        return Response(body | {"replayed": True} if answer.replayed else body, status=answer.status)


class OneReferral(APIView):
    """
    GET /api/referrals/<id>/
    """

    route_name = "referral"
    authentication_classes = [IntakeAuthentication]
    throttle_classes = [IntakeRate]

    @extend_schema(
        operation_id="referral",
        responses={
            200: OpenApiResponse(description="state, due_at, late and what else was answered"),
            404: OpenApiResponse(description="referral_not_found"),
        },
    )
    def get(self, request: Request, referral_id: int) -> Response:
        """
        Say how far a referral of this key is.
        """
        own = Referral.objects.filter(pk=referral_id, key=bearer(request).intake_key_id)
        if not own.exists():
            raise ReferralNotFound(referral=referral_id)
        return Response({"referral": referral_id, **bodies([referral_id])[referral_id]})
