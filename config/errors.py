"""
How an API answers a no: always ``{"code", "message", "facts"}``.
"""

import logging
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from journal.refusals import Refusal
from tablets.lanes import busy

_log = logging.getLogger(__name__)

_CODES = {
    400: ("invalid_request", "This request could not be understood. Nothing was changed."),
    401: ("not_signed_in", "Sign in first."),
    403: ("not_allowed", "You may not do this."),
    404: ("not_found", "There is no such thing, or it is not yours to see."),
    405: ("method_not_allowed", "This address does not do that."),
    413: ("too_large", "This request is too large. Nothing was changed."),
    415: ("not_json", "This address takes JSON only."),
    429: ("too_many_requests", "Too many requests. Nothing was lost: try again in a moment."),
}


def answer_exception(error: Exception, context: dict[str, Any]) -> Response | None:
    """
    Turn refusals and DRF's own errors into the one shape; anything else is ours to mend and stays an error 500.

    A database that is gone, full or deadlocked is no bug of the request: whoever asked comes back and finds it done once.
    """
    if isinstance(error, OperationalError | InterfaceError):
        # Without its words: they may hold a row's.
        _log.error("answered 503: %s, %s", type(error).__name__, getattr(error.__cause__, "sqlstate", None))
        error = busy()
    if isinstance(error, Refusal):
        wait = error.facts.get("retry_after_s")
        headers = None if wait is None else {"Retry-After": str(wait)}
        return Response({"status": "refused", **error.as_dict()}, status=error.status, headers=headers)
    response = exception_handler(error, context)
    if response is None or not isinstance(error, exceptions.APIException | Http404 | PermissionDenied):
        return response
    code, message = _CODES.get(response.status_code, ("refused", "This was refused."))
    facts = {"fields": response.data} if response.status_code == 400 else {}
    response.data = {"code": code, "message": message, "facts": facts}
    return response
