"""
The addresses of this app.
"""

from django.urls import URLPattern, URLResolver, path

from dispatch import api, cad_feed, officer, police, push_api, referral_api, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("desk/", views.desk, name="desk"),
    path("police/", police.page, name="police"),
    path("officer/", officer.page, name="officer"),
    path("officer/debriefs/", officer.debriefs, name="officer-debriefs"),
    path("officer/sw.js", officer.worker, name="officer-worker"),
    path("officer/app.webmanifest", officer.manifest, name="officer-manifest"),
    path("api/decision-preview/", api.DecisionPreview.as_view(), name="decision-preview"),
    path("api/policy-trial/", api.PolicyTrial.as_view(), name="policy-trial"),
    path("api/push-subscriptions/", push_api.PushSubscriptions.as_view(), name="push-subscriptions"),
    path("api/referrals/", referral_api.Referrals.as_view(), name="referrals"),
    path("api/referrals/<int:referral_id>/", referral_api.OneReferral.as_view(), name="referral"),
    path("api/cad/calls/", cad_feed.CadCalls.as_view(), name="cad.calls"),
    path("api/cad/heartbeat/", cad_feed.CadHeartbeat.as_view(), name="cad.heartbeat"),
    path("api/cad/messages/", cad_feed.CadMessages.as_view(), name="cad.messages"),
    path("api/cad/messages/<int:message_id>/", cad_feed.CadMessage.as_view(), name="cad.message"),
]
