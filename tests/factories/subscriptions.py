"""
Browsers that want to be woken, for tests.
"""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dispatch.backup import push
from dispatch.models import PushSubscription
from responders.models import Person
from tests.conftest import NOON

SECRET = b"s" * 16


def point(key: ec.EllipticCurvePrivateKey) -> bytes:
    """
    Return a browser's public key as it says it.
    """
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def said(**fields: Any) -> dict[str, Any]:
    """
    Return what a browser says of its subscription.
    """
    key = ec.derive_private_key(77, ec.SECP256R1())
    return {
        "endpoint": "https://updates.push.services.mozilla.com/wpush/v2/abc",
        "p256dh": push.encoded(point(key)),
        "auth": push.encoded(SECRET),
        **fields,
    }


def subscription(of: Person | None = None, **fields: Any) -> PushSubscription:
    """
    Return a subscription, a person's unless ``tablet_id`` says whose.
    """
    given = said(**fields)
    if of is not None:
        given["agency_id"] = of.agency_id
    return PushSubscription.objects.create(person=of, made_at=NOON, **given)
