"""
Addresses of the tablet app and of what tablets ask.
"""

from django.urls import path

from tablets import api, attachments, pages

urlpatterns = [
    path("tablet/", pages.app, name="tablet"),
    path("tablet/pair/", pages.pair, name="tablet-pair"),
    path("tablet/sign-on/", pages.sign_on, name="tablet-sign-on"),
    path("tablet/sw.js", pages.worker, name="tablet-worker"),
    path("tablet/app.webmanifest", pages.manifest, name="tablet-manifest"),
    path("tablet/ground.json", pages.ground_drawing, name="tablet-ground"),
    path("api/sync", api.Sync.as_view(), name="sync"),
    path("api/live-ticket", api.LiveTicket.as_view(), name="live-ticket"),
    path("api/tablets/pairing-codes/", api.PairingCodes.as_view(), name="pairing-codes"),
    path("api/tablets/pair/", api.Pair.as_view(), name="pair"),
    path("api/tablets/backup-key/", api.BackupKey.as_view(), name="backup-key"),
    path("api/tablets/sign-on/", api.SignOn.as_view(), name="sign-on"),
    path("api/tablets/sign-off/", api.SignOff.as_view(), name="sign-off"),
    path("api/tablets/unlock/", api.Unlock.as_view(), name="unlock"),
    path("api/tablets/key/", api.Key.as_view(), name="tablet-key"),
    path("api/tablets/purged/", api.Purged.as_view(), name="tablet-purged"),
    path("api/tablets/me/", api.Me.as_view(), name="me"),
    path("api/tablets/position/", api.Position.as_view(), name="position"),
    path("api/attachments/", attachments.Attachments.as_view(), name="attachments"),
    path("api/attachments/<str:sha256>/", attachments.Attachment.as_view(), name="attachment"),
    path("api/positions/", api.Positions.as_view(), name="positions"),
]
