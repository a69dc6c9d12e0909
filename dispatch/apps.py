from django.apps import AppConfig


class DispatchConfig(AppConfig):
    """
    Calls and what units do about them.
    """

    name = "dispatch"
    default_auto_field = "django.db.models.BigAutoField"
