"""
The addresses of this app.
"""

from django.urls import URLPattern, URLResolver, path

from dashboard import backup_pages, flag_pages, fleet_pages, quarantine_pages, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("supervisor/", views.supervisor, name="supervisor"),
    path("supervisor/quarantine/", quarantine_pages.quarantine, name="quarantine"),
    path("supervisor/quarantine/rows/", quarantine_pages.quarantine_rows, name="quarantine-rows"),
    path("supervisor/quarantine/<int:ticket>/read/", quarantine_pages.quarantine_read, name="quarantine-read"),
    path("supervisor/flags/", flag_pages.flags, name="supervisor-flags"),
    path("supervisor/flags/rows/", flag_pages.flag_rows, name="supervisor-flag-rows"),
    path("supervisor/flags/ids/", flag_pages.flag_ids, name="supervisor-flag-ids"),
    path("supervisor/backup/", backup_pages.backup, name="supervisor-backup"),
    path("supervisor/backup/export/", backup_pages.export, name="supervisor-backup-export"),
    path("supervisor/<slug:name>/", views.part, name="supervisor-part"),
    path("fleet/", fleet_pages.fleet, name="fleet"),
    path("fleet/rows/", fleet_pages.fleet_rows, name="fleet-rows"),
]
