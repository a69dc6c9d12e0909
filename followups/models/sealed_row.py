"""
The base of every row that holds something sealed.
"""

from uuid import uuid4

from django.db import models


class SealedRow(models.Model):
    """
    A row with sealed fields. ``key`` is its name in what is sealed with them, and in URLs: it is known before the row is
    written, says nothing about anybody, and never changes.
    """

    key = models.UUIDField(default=uuid4, unique=True, editable=False)

    class Meta:
        abstract = True
