"""
The addresses of this app.
"""

from django.urls import URLPattern, URLResolver, path

from dispatch import api, cad_feed, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("desk/", views.desk, name="desk"),
    path("officer/", views.officer, name="officer"),
    path("api/decision-preview/", api.DecisionPreview.as_view(), name="decision-preview"),
    path("api/policy-trial/", api.PolicyTrial.as_view(), name="policy-trial"),
    path("api/cad/calls/", cad_feed.CadCalls.as_view(), name="cad.calls"),
    path("api/cad/heartbeat/", cad_feed.CadHeartbeat.as_view(), name="cad.heartbeat"),
    path("api/cad/messages/", cad_feed.CadMessages.as_view(), name="cad.messages"),
    path("api/cad/messages/<int:message_id>/", cad_feed.CadMessage.as_view(), name="cad.message"),
]
