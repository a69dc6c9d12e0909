"""
What a browser's subscription looks like.
"""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from rest_framework import serializers

from dispatch.backup import push
from dispatch.intake_serializers import Text

_AUTH_BYTES = 16


def _is_push_service(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    # As it stands: with a port or a name in front it is no push service's.
    host = parts.netloc.lower()
    known = settings.PUSH_SERVICES
    return parts.scheme == "https" and any(host == one or (one[:1] == "." and host.endswith(one)) for one in known)


class EndArgs(serializers.Serializer[Any]):
    """
    One subscription, by its address.
    """

    endpoint = Text(max_length=1000)


class SubscribeArgs(EndArgs):
    """
    Where a browser is woken, and the keys to which what wakes it is sealed, as its ``PushSubscription`` says them.
    """

    p256dh = Text(max_length=200)
    auth = Text(max_length=100)

    def validate_endpoint(self, value: str) -> str:
        """
        Take addresses of push services only: whoever could name any would have this server write to whom they like.
        """
        if not _is_push_service(value):
            raise serializers.ValidationError("This is no push service that is known here.", code="unknown_service")
        return value

    def validate_p256dh(self, value: str) -> str:
        """
        Take a point that something can be sealed to.
        """
        try:
            push.point_of(value)
        except ValueError:
            raise serializers.ValidationError("This is no public key.", code="invalid") from None
        return value

    def validate_auth(self, value: str) -> str:
        """
        Take 16 bytes.
        """
        try:
            is_right = len(push.decoded(value)) == _AUTH_BYTES
        except ValueError:
            is_right = False
        if not is_right:
            raise serializers.ValidationError("This is no secret of a subscription.", code="invalid")
        return value
