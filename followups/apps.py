from django.apps import AppConfig


class FollowupsConfig(AppConfig):
    """
    Care after the call. The clinical wall: nothing below this app may import it.
    """

    name = "followups"
    default_auto_field = "django.db.models.BigAutoField"
