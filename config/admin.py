"""
The admin site's configuration.
"""

from django.contrib.admin.apps import AdminConfig


class CareAdminConfig(AdminConfig):
    """
    The stock admin site; its writes go through a door (responders/admin.py).
    """
