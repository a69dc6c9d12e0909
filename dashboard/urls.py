"""
The addresses of this app.
"""

from django.urls import URLPattern, URLResolver, path

from dashboard import fleet_pages, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("supervisor/", views.supervisor, name="supervisor"),
    path("supervisor/<slug:name>/", views.part, name="supervisor-part"),
    path("fleet/", fleet_pages.fleet, name="fleet"),
    path("fleet/rows/", fleet_pages.fleet_rows, name="fleet-rows"),
]
