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


class SignOffArgs(serializers.Serializer[Anything]):
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


class Exchange(serializers.Serializer[Anything]):
    """
    POST /api/sync
    """

    protocol = serializers.IntegerField()
    streams = serializers.DictField(child=HeldStream(), default=dict)
    sent_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    app_version = serializers.CharField(required=False, max_length=30, allow_blank=True, default="")


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
