"""
What a signed-in person's page asks about its own session.
"""

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from responders import sessions
from responders.authentication import PersonAuthentication, bearer


class SessionView(APIView):
    """
    /api/session/
    """

    route_name = "session"
    authentication_classes = (PersonAuthentication,)

    @extend_schema(operation_id="session", responses={200: OpenApiResponse(description="who, and until when")})
    def get(self, request: Request) -> Response:
        """
        Tell who is signed in and when the session ends without a gesture.
        """
        ends = sessions.ends_at(request._request.session)
        actor = bearer(request)
        return Response(
            {
                "person": actor.person_id,
                "name": actor.label,
                "roles": sorted(actor.roles),
                "now": timezone.now(),
                "ends_at": ends,
            }
        )

    @extend_schema(
        operation_id="session_touch", request=None, responses={200: OpenApiResponse(description="until when")}
    )
    def post(self, request: Request) -> Response:
        """
        Count a gesture: somebody is at the screen. The request itself did it, unless it came in the background.
        """
        return self.get(request)
