"""
Where a browser asks to be woken by requests for backup (RFC 8030), and takes it back.
"""

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dispatch.actions import push_subscriptions
from dispatch.backup import push
from dispatch.push_serializers import EndArgs, SubscribeArgs
from journal.bodies import read_body
from responders.authentication import bearer
from tablets.times import instant


class PushSubscriptions(APIView):
    """
    /api/push-subscriptions/
    """

    route_name = "push-subscriptions"

    @extend_schema(
        operation_id="push_key",
        responses={200: OpenApiResponse(description="public_key; null where nothing is pushed")},
    )
    def get(self, request: Request) -> Response:
        """
        Return the key that a page subscribes with, or null where this site wakes no browsers.
        """
        private_key = settings.VAPID_PRIVATE_KEY
        return Response({"public_key": push.public_key(private_key) if private_key else None})

    @extend_schema(
        operation_id="push_subscribe", request=SubscribeArgs, responses={200: OpenApiResponse(description="made_at")}
    )
    def post(self, request: Request) -> Response:
        """
        Have this browser woken from now on. Said again, it is the same subscription.
        """
        now = timezone.now()
        push_subscriptions.subscribe(**read_body(SubscribeArgs, request.data), by=bearer(request), at=now)
        return Response({"made_at": instant(now)})

    @extend_schema(operation_id="push_unsubscribe", request=EndArgs, responses={204: None})
    def delete(self, request: Request) -> Response:
        """
        Wake this browser no longer.
        """
        push_subscriptions.unsubscribe(**read_body(EndArgs, request.data), by=bearer(request), at=timezone.now())
        return Response(status=204)
