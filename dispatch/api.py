"""
Views of this app's API that change nothing: what would be decided, and what a policy would have decided.
"""

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dispatch import intake_refusals, trials
from dispatch.actions import decisions
from dispatch.intake_serializers import PreviewArgs, TrialArgs
from dispatch.models import Policy
from journal.bodies import read_body
from responders.authentication import bearer

_PREVIEW = inline_serializer(
    "decision_preview",
    {
        "response": serializers.CharField(),
        "care_available": serializers.BooleanField(),
        "reasons": serializers.ListField(child=serializers.CharField()),
        "queue": serializers.CharField(),
        "area": serializers.DictField(allow_null=True, help_text="id and name of the service area."),
        "policy": serializers.CharField(allow_null=True),
        "cautions": serializers.ListField(child=serializers.DictField()),
        "premise": serializers.DictField(help_text="here and nearby: number, type, at, disposition of earlier calls."),
    },
)


class DecisionPreview(APIView):
    """
    POST /api/decision-preview/
    """

    route_name = "decision-preview"

    @extend_schema(operation_id="decision_preview", request=PreviewArgs, responses={200: _PREVIEW})
    def post(self, request: Request) -> Response:
        """
        Say what the policy in force would decide about a call that is being typed in. Changes nothing.
        """
        given = read_body(PreviewArgs, request.data)
        preview = decisions.preview(agency_id=bearer(request).agency_id, at=timezone.now(), **given)
        situation = preview.situation
        return Response(
            {
                "response": preview.outcome.response,
                "care_available": preview.outcome.care_available,
                "reasons": list(preview.outcome.reasons),
                "queue": preview.outcome.queue,
                "area": situation.area and {"id": situation.area.id, "name": situation.area.name},
                "policy": situation.policy,
                "cautions": list(situation.cautions),
                "premise": preview.premise,
            }
        )


class PolicyTrial(APIView):
    """
    POST /api/policy-trial/
    """

    route_name = "policy-trial"

    @extend_schema(
        operation_id="policy_trial",
        request=TrialArgs,
        responses={200: OpenApiResponse(description="calls, changed, by_change, by_reason and the changed calls")},
    )
    def post(self, request: Request) -> Response:
        """
        Say which calls of a span of time a policy would have decided otherwise. Changes nothing.
        """
        given = read_body(TrialArgs, request.data)
        policy = Policy.objects.filter(pk=given["policy"], agency=bearer(request).agency_id).first()
        if policy is None:
            raise intake_refusals.PolicyNotFound(policy=given["policy"])
        return Response(trials.try_policy(policy, since=given["since"], until=given["until"]).as_dict())
