"""
The REST door: one URL for each kind of action that an app declares.
"""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from journal.door import Answer, answer_once
from journal.kinds import Kind
from journal.refusals import InvalidArgs
from responders import permissions
from responders.actors import Actor
from responders.authentication import bearer


class Envelope(serializers.Serializer[Any]):
    """
    What every action is wrapped in.
    """

    id = serializers.UUIDField(help_text="Made by the client; the same id always gets the same answer.")
    args = serializers.DictField(default=dict)
    happened_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


def run_action(
    kind: Kind, *, action_id: UUID, args: dict[str, Any], by: Actor, at: datetime, happened_at: datetime | None
) -> Answer:
    """
    Check, validate and run one action once: the REST door. A tablet's queue has its own (tablets/lanes.py).

    :raises NotAllowed: the policy does not let this actor do this kind of thing.
    :raises InvalidArgs: the arguments cannot be understood; facts name each field.
    :raises ActionIdReused: the id was used for something else.
    """
    permissions.check_may_act(by, kind.name)
    given = kind.read(args)

    def act() -> dict[str, Any]:
        permissions.check_still_stands(by)
        return kind.answer(kind.act(by=by, at=at, happened_at=happened_at, **given))

    return answer_once(action_id=action_id, kind=kind.name, args=args, by=by, at=at, act=act, sealed=kind.sealed)


class ActionView(APIView):
    """
    POST /api/actions/<kind>/
    """

    kind: ClassVar[Kind]

    def post(self, request: Request) -> Response:
        """
        Run the action of this route once and answer.
        """
        now = timezone.now()
        if not isinstance(request.data, dict):
            raise InvalidArgs(fields={"": ["An object is expected."]})
        if unknown := sorted(set(request.data) - {"id", "args", "happened_at"}):
            raise InvalidArgs(fields={name: ["This field is not known."] for name in unknown})
        envelope = Envelope(data=request.data)
        if not envelope.is_valid():
            raise InvalidArgs(fields=envelope.errors)
        answer = run_action(
            self.kind,
            action_id=envelope.validated_data["id"],
            args=envelope.validated_data["args"],
            by=bearer(request),
            at=now,
            happened_at=envelope.validated_data["happened_at"],
        )
        body = answer.body | {"status": answer.verdict}
        if answer.replayed:
            body["replayed"] = True
        return Response(body, status=answer.status)


def action_view(kind: Kind) -> Any:
    """
    Return the view of one kind, named and described for the API's schema.
    """
    name = kind.name.replace(".", "_")
    request = inline_serializer(
        f"{name}_request",
        {
            "id": serializers.UUIDField(),
            "args": kind.serializer(),
            "happened_at": serializers.DateTimeField(required=False),
        },
    )
    view = type(
        f"{name}_view",
        (ActionView,),
        {"kind": kind, "route_name": f"action:{kind.name}", "__doc__": f"Do {kind.name}."},
    )
    schema = extend_schema_view(
        post=extend_schema(
            operation_id=name,
            request=request,
            responses={200: OpenApiResponse(description="applied"), 409: OpenApiResponse(description="refused")},
        )
    )
    return schema(view).as_view()  # type: ignore[attr-defined]  # made by type(): mypy sees a plain class
