"""
The addresses of this app.
"""

from django.urls import URLPattern, URLResolver, path

from dashboard import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("supervisor/", views.supervisor, name="supervisor"),
    path("supervisor/<slug:name>/", views.part, name="supervisor-part"),
]
