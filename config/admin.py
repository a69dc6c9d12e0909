"""
The admin site's configuration.
"""

from django.contrib.admin import site
from django.contrib.admin.apps import AdminConfig


class CareAdminConfig(AdminConfig):
    """
    The stock admin site; its writes go through a door (responders/admin.py).
    """

    def ready(self) -> None:
        """
        Find every app's pages, and take away those that other packages bring along: they know neither doors nor agencies.
        """
        super().ready()
        from responders.admin import DoorAdmin

        for model, page in list(site._registry.items()):
            if not isinstance(page, DoorAdmin):
                site.unregister(model)
