from django.apps import AppConfig


class RespondersConfig(AppConfig):
    """
    Who can respond: agencies, service areas, units, people, shifts.
    """

    name = "responders"
    default_auto_field = "django.db.models.BigAutoField"
