"""
Browsers that ask to be woken by requests for backup. No entry and no document: nobody's screen shows them.
"""

from datetime import datetime

from django.db import transaction

from dispatch.models import PushSubscription
from responders.actors import Actor

# A person has a desk, a phone and what they forgot about; a tablet has one browser.
MOST: int = 5


@transaction.atomic
def subscribe(*, endpoint: str, p256dh: str, auth: str, by: Actor, at: datetime) -> PushSubscription:
    """
    Have a browser woken from now on as this bearer's. Whoever had it before has it no longer.
    """
    subscription, _ = PushSubscription.objects.update_or_create(
        endpoint=endpoint,
        defaults={
            "agency_id": by.agency_id,
            "person_id": by.person_id if by.tablet_id is None else None,
            "tablet_id": by.tablet_id,
            "p256dh": p256dh,
            "auth": auth,
            "made_at": at,
            "ended_at": None,
        },
    )
    own = PushSubscription.objects.filter(
        person=subscription.person_id, tablet_id=subscription.tablet_id, ended_at=None
    )
    # Each of them is a request of ours to somebody else's server: the oldest make room.
    older = own.order_by("-made_at", "-pk").values_list("pk", flat=True)[MOST:]
    PushSubscription.objects.filter(pk__in=list(older)).update(ended_at=at)
    return subscription


def unsubscribe(*, endpoint: str, by: Actor, at: datetime) -> None:
    """
    Wake a browser no longer. One that is not this bearer's, or is none, is left as it is.
    """
    own = PushSubscription.objects.filter(
        person=by.person_id if by.tablet_id is None else None, tablet_id=by.tablet_id, agency=by.agency_id
    )
    own.filter(endpoint=endpoint, ended_at=None).update(ended_at=at)
