from django.apps import AppConfig


class TabletsConfig(AppConfig):
    """
    The device in the hand: pairing, live line, sync exchange, the app.
    """

    name = "tablets"
    default_auto_field = "django.db.models.BigAutoField"
