from django.apps import AppConfig


class JournalConfig(AppConfig):
    """
    What happened and who must hear of it.
    """

    name = "journal"
    default_auto_field = "django.db.models.BigAutoField"
