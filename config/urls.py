"""
Every address of the site. Who may use which is responders/permissions.py; what is not granted there does not exist.
"""

from django.conf import settings
from django.contrib import admin
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView

from config import schema as schema  # registers how to authenticate with drf-spectacular
from journal.kinds import kinds
from responders.api import action_view
from responders.permissions import MayUseRoute
from responders.views import SessionView


class SchemaView(SpectacularAPIView):
    """
    /api/schema/
    """

    route_name = "schema"
    permission_classes = (MayUseRoute,)


def health(request: HttpRequest) -> HttpResponse:
    """
    Answer 200 while this process can read the database.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")


urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("dispatch.urls")),
    path("", include("dashboard.urls")),
    path("", include("followups.urls")),
    path("", include("tablets.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("health/", health, name="health"),
    path("api/session/", SessionView.as_view(), name="session"),
    *(path(f"api/actions/{name}/", action_view(kind), name=f"action-{name}") for name, kind in kinds().items()),
]
if settings.DEMO:
    # Doors without a password. Outside demo mode neither the address nor the module behind it is there.
    urlpatterns.append(path("demo/", include("dispatch.demo")))
if settings.DEMO or settings.DEBUG:
    urlpatterns.append(path("api/schema/", SchemaView.as_view(), name="schema"))
