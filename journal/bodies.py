"""
Bodies of requests, read once the same way everywhere: an object, with known keys only, whose fields are valid.
"""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from journal.refusals import InvalidArgs


def read_body(shape: type[serializers.Serializer[Any]], data: object) -> dict[str, Any]:
    """
    Return what a body says.

    :raises InvalidArgs: it cannot be understood; facts name each field.
    """
    if not isinstance(data, dict):
        raise InvalidArgs(fields={"": ["An object is expected."]})
    serializer = shape(data=data)
    try:
        no_unknown_keys(data, serializer)
        serializer.is_valid(raise_exception=True)
    except serializers.ValidationError as error:
        raise InvalidArgs(fields=error.detail) from None
    return dict(serializer.validated_data)


def no_unknown_keys(given: Mapping[str, Any], serializer: serializers.Serializer[Any]) -> None:
    """
    Refuse keys that a serializer does not know.

    :raises ValidationError: names each of them, with the code ``unknown``.
    """
    if unknown := sorted(set(given) - set(serializer.fields)):
        detail = serializers.ErrorDetail("This field is not known.", code="unknown")
        raise serializers.ValidationError({name[:60]: [detail] for name in unknown})
