"""
Short notes between the desk and a crew about a call.
"""

from django.db import models

from dispatch.models.calls import Call
from responders.models import Unit


class Message(models.Model):
    """
    One message; appended, never changed. ``canned`` is the code of a phrase, where it is one.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="messages")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    origin = models.CharField(max_length=10, choices=[("DESK", "Desk"), ("UNIT", "Unit")])
    text = models.CharField(max_length=500)
    canned = models.CharField(max_length=40, blank=True)
    by = models.CharField(max_length=100)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["call"], name="dispatch_message_by_call")]

    def __str__(self) -> str:
        return f"message on {self.call_id}"


class MessageMark(models.Model):
    """
    That a message was delivered to the other side, or read there; the first one counts.
    """

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="marks")
    kind = models.CharField(max_length=10, choices=[("DELIVERED", "Delivered"), ("READ", "Read")])
    by = models.CharField(max_length=100)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "kind"], name="dispatch_message_marked_once")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.message_id}"
