"""
What may be asked of tablets, and in which shape.
"""

from typing import Any

from rest_framework import serializers

from tablets.picture import MAX_BYTES, TYPES

Anything = dict[str, Any]


class Revoke(serializers.Serializer[Anything]):
    """
    Arguments of tablet.revoke.
    """

    tablet = serializers.IntegerField(min_value=1)


class Rename(serializers.Serializer[Anything]):
    """
    Arguments of tablet.rename.
    """

    tablet = serializers.IntegerField(min_value=1)
    name = serializers.CharField(max_length=60)


class SignOnArgs(serializers.Serializer[Anything]):
    """
    Arguments of tablet.sign_on: of the actor, who is the only person that it can sign on.
    """

    person = serializers.IntegerField(min_value=1, required=False, allow_null=True, default=None)
    planned_end_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class LeaveArgs(serializers.Serializer[Anything]):
    """
    Arguments of tablet.sign_off: none, the actor signs off.
    """


class MakeCode(serializers.Serializer[Anything]):
    """
    POST /api/tablets/pairing-codes/
    """

    unit = serializers.IntegerField(min_value=1)
    name = serializers.CharField(max_length=60)


class Pair(serializers.Serializer[Anything]):
    """
    POST /api/tablets/pair/
    """

    code = serializers.CharField(max_length=40)
    want = serializers.ChoiceField(choices=["cookie", "token"], default="cookie")


class SignOnRequest(serializers.Serializer[Anything]):
    """
    POST /api/tablets/sign-on/
    """

    email = serializers.EmailField(required=False)
    password = serializers.CharField(required=False, max_length=200, trim_whitespace=False)
    code = serializers.CharField(required=False, max_length=40, default="", allow_blank=True)
    planned_end_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class Unlock(serializers.Serializer[Anything]):
    """
    POST /api/tablets/unlock/
    """

    password = serializers.CharField(max_length=200, trim_whitespace=False)


class Position(serializers.Serializer[Anything]):
    """
    POST /api/tablets/position/
    """

    lon = serializers.FloatField(min_value=-180, max_value=180)
    lat = serializers.FloatField(min_value=-90, max_value=90)
    accuracy_m = serializers.FloatField(required=False, allow_null=True, default=None, min_value=0, max_value=100_000)
    heading = serializers.FloatField(required=False, allow_null=True, default=None, min_value=0, max_value=360)
    at = serializers.DateTimeField()
    touched_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    battery = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=0, max_value=100)


class HeldStream(serializers.Serializer[Anything]):
    """
    How far a reader is in one stream.
    """

    number = serializers.IntegerField(min_value=0, max_value=(1 << 63) - 1)
    floor = serializers.IntegerField(required=False, min_value=0, max_value=(1 << 63) - 1, default=0)
    digest = serializers.RegexField(r"^[0-9a-f]{16}\Z", required=False, allow_null=True, default=None)
    count = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=(1 << 31) - 1, default=None
    )


class Envelope(serializers.Serializer[Anything]):
    """
    One action of a tablet's queue.
    """

    seq = serializers.IntegerField(min_value=1, max_value=(1 << 53) - 1)
    id = serializers.UUIDField()
    kind = serializers.CharField(max_length=60)
    v = serializers.IntegerField(min_value=1)
    args = serializers.DictField(required=False)
    sealed = serializers.DictField(child=serializers.CharField(), required=False)
    after = serializers.ListField(child=serializers.IntegerField(min_value=1), required=False)
    actor = serializers.CharField(max_length=18)
    happened_at = serializers.DateTimeField(required=False, allow_null=True)
    jumped = serializers.BooleanField(required=False)


class Outbox(serializers.Serializer[Anything]):
    """
    What waits on a tablet.
    """

    count = serializers.IntegerField(min_value=0)
    oldest_at = serializers.DateTimeField(required=False, allow_null=True)


class Exchange(serializers.Serializer[Anything]):
    """
    POST /api/sync. Describes the request; it is read by tablets/exchange.py.
    """

    protocol = serializers.IntegerField()
    schema = serializers.IntegerField(required=False, min_value=0)
    installation = serializers.UUIDField(required=False, allow_null=True)
    epoch = serializers.CharField(required=False, allow_null=True, max_length=80)
    sent_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    first_seq = serializers.IntegerField(required=False, min_value=1)
    app_version = serializers.CharField(required=False, max_length=30, allow_blank=True, default="")
    outbox = Outbox(required=False, allow_null=True)
    persisted = serializers.BooleanField(required=False, allow_null=True)
    mismatches = serializers.IntegerField(required=False, min_value=0)
    streams = serializers.DictField(child=HeldStream(), default=dict)
    actions = serializers.ListField(child=Envelope(), required=False, max_length=100)


class Key(serializers.Serializer[Anything]):
    """
    POST /api/tablets/key/
    """

    installation = serializers.UUIDField()


class ErasedStream(serializers.Serializer[Anything]):
    """
    What a tablet held of a stream that it erased.
    """

    count = serializers.IntegerField(min_value=0, max_value=(1 << 31) - 1)
    digest = serializers.RegexField(r"^[0-9a-f]{16}\Z")

    def to_internal_value(self, data: Any) -> Anything:
        """
        Refuse what it does not name.
        """
        if isinstance(data, dict) and set(data) - set(self.fields):
            raise serializers.ValidationError("count and digest are expected.")
        read: Anything = super().to_internal_value(data)
        return read


class Purged(serializers.Serializer[Anything]):
    """
    POST /api/tablets/purged/
    """

    installation = serializers.UUIDField()
    held = serializers.DictField(child=ErasedStream(), default=dict)
    left = serializers.DictField(child=serializers.IntegerField(min_value=0, max_value=(1 << 31) - 1), default=dict)

    def validate(self, attrs: Anything) -> Anything:
        """
        Refuse more than any tablet holds.
        """
        if len(attrs["held"]) > 100 or len(attrs["left"]) > 100:
            raise serializers.ValidationError("At most 100 are expected.")
        return attrs


class OneTablet(serializers.Serializer[Anything]):
    """
    Arguments of tablet.resync and tablet.purge.
    """

    tablet = serializers.IntegerField(min_value=1)


class RetryArgs(serializers.Serializer[Anything]):
    """
    Arguments of quarantine.retry.
    """

    ticket = serializers.IntegerField(min_value=1)


class CloseArgs(serializers.Serializer[Anything]):
    """
    Arguments of quarantine.close.
    """

    ticket = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(max_length=300)


class BeginAttachment(serializers.Serializer[Anything]):
    """
    POST /api/attachments/
    """

    sha256 = serializers.RegexField(r"\A[0-9a-f]{64}\Z", help_text="Of the bytes that will come, in hexadecimal.")
    size = serializers.IntegerField(min_value=1, max_value=MAX_BYTES)
    type = serializers.ChoiceField(
        choices=sorted(TYPES.values()), help_text="What the tablet takes it for; what it is, is looked at."
    )
    installation = serializers.UUIDField(required=False, allow_null=True, default=None)
