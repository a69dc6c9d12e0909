from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """
    Reads only: what became of calls, for supervisors.
    """

    name = "dashboard"
    default_auto_field = "django.db.models.BigAutoField"
