"""
The doors through which photos and signatures come and are looked at: /api/attachments/ (docs/tablet-protocol.md).

The words are tus': a tablet asks for the offset, sends what follows, and is told the right offset when it was wrong. Any
paired tablet may send, with nobody signed on too: what a crew left behind still goes up. Looking is for others to allow:
this app knows no calls, so ``settings.ATTACHMENTS_SEEN_BY`` names who decides.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone
from django.utils.module_loading import import_string
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from journal.bodies import read_body
from journal.door import open_door
from journal.refusals import NotFound
from responders.authentication import bearer
from responders.parsers import MAX_BYTES, TooLarge
from tablets import refusals, serializers
from tablets.actions import attach
from tablets.models import AttachmentContent, AttachmentState

RETRY_SECONDS: Final = 3
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_NAMES: Final[Mapping[str, str]] = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


class OffsetOctets(BaseParser):
    """
    Bytes to append, at most as many as any body of the API has.
    """

    media_type = "application/offset+octet-stream"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """
        Return the body, as bytes.

        :raises TooLarge: it has more than 256 KiB.
        """
        body: bytes = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise TooLarge
        return body


class AnyAccepted(BaseContentNegotiation):
    """
    Answers with what there is: an ``img`` says that it accepts pictures, and a refusal is JSON.
    """

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """
        Return the parser of the body's media type; without one there is none.
        """
        wanted = request.content_type.split(";")[0].strip()
        return next((parser for parser in parsers if parser.media_type == wanted), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        """
        Return the first renderer, whatever is accepted.
        """
        return renderers[0], renderers[0].media_type


class Attachments(APIView):
    """
    POST /api/attachments/
    """

    route_name = "attachments"

    @extend_schema(
        operation_id="begin_attachment",
        request=serializers.BeginAttachment,
        responses={200: OpenApiResponse(response=OpenApiTypes.OBJECT)},
    )
    def post(self, request: Request) -> Response:
        """
        Say that a photo or a signature is to come, or ask how far it is; what is complete is looked at again.
        """
        now = timezone.now()
        given, by = read_body(serializers.BeginAttachment, request.data), bearer(request)
        if by.tablet_id is None:
            raise refusals.TabletAnswersOnly
        with open_door(by=by, at=now):
            sent = attach.begin(
                tablet_id=by.tablet_id,
                agency_id=by.agency_id,
                sha256=given["sha256"],
                size=given["size"],
                by=by,
                at=now,
            )
        return _answered(request, given["sha256"], sent)


class Attachment(APIView):
    """
    HEAD, PATCH and GET /api/attachments/<sha256>/
    """

    route_name = "attachment"
    parser_classes = (OffsetOctets,)
    content_negotiation_class = AnyAccepted

    @extend_schema(exclude=True)
    def head(self, request: Request, sha256: str) -> Response:
        """
        Say how far an upload is: Upload-Offset, Upload-Length and Upload-State.
        """
        by = bearer(request)
        if by.tablet_id is None:
            raise NotFound
        return _with_offset(Response(), attach.state_of(agency_id=by.agency_id, sha256=_checked(sha256)))

    @extend_schema(
        operation_id="append_to_attachment",
        parameters=[OpenApiParameter("Upload-Offset", int, OpenApiParameter.HEADER, required=True)],
        request={OffsetOctets.media_type: OpenApiTypes.BINARY},
        responses={
            200: OpenApiResponse(response=OpenApiTypes.OBJECT),
            409: OpenApiResponse(description="wrong offset"),
        },
    )
    def patch(self, request: Request, sha256: str) -> Response:
        """
        Append the bytes that follow; with the last of them the picture is looked at.
        """
        by = bearer(request)
        if by.tablet_id is None:
            raise refusals.TabletAnswersOnly
        offset = request.headers.get("Upload-Offset", "")
        if not re.fullmatch(r"[0-9]{1,9}", offset):
            raise ParseError("Upload-Offset is a whole number.")
        # DRF makes an empty form of an empty body.
        body: object = request.data
        data = body if isinstance(body, bytes) else b""
        try:
            sent = attach.append(
                agency_id=by.agency_id, sha256=_checked(sha256), offset=int(offset), data=data, at=timezone.now()
            )
        except refusals.AttachmentWrongOffset as wrong:
            return Response(
                {"status": "refused", **wrong.as_dict()},
                status=wrong.status,
                headers={"Upload-Offset": str(wrong.facts["offset"])},
            )
        return _answered(request, sha256, sent)

    @extend_schema(
        operation_id="look_at_attachment",
        parameters=[OpenApiParameter("small", bool, description="Any value: the small picture, for lists.")],
        responses={(200, "image/*"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, sha256: str) -> HttpResponse:
        """
        Return the picture, to the desk and to a crew that has the call it belongs to.
        """
        sees: Callable[..., bool] = import_string(settings.ATTACHMENTS_SEEN_BY)
        by = bearer(request)
        content = AttachmentContent.objects.filter(
            attachment__agency=by.agency_id,
            attachment__sha256=_checked(sha256),
            attachment__state=AttachmentState.READY,
        )
        small = "small" in request.query_params
        column = "thumbnail" if small else "data"
        if not sees(by, sha256=sha256, at=timezone.now()):
            raise NotFound
        found = content.values_list("attachment__type", column).first()
        if found is None:
            raise NotFound
        media_type = "image/jpeg" if small else found[0]
        # The type is ours, from what was written; the page's policy and `nosniff` come from the middleware as for every
        # answer. Opened by itself it is an opaque document in which nothing runs.
        return HttpResponse(
            bytes(found[1]),
            content_type=media_type,
            headers={
                "Content-Disposition": f'inline; filename="attachment.{_NAMES[media_type]}"',
                "Cross-Origin-Resource-Policy": "same-origin",
                "Cache-Control": "no-store",
            },
        )


def _answered(request: Request, sha256: str, sent: attach.Sent) -> Response:
    """
    Answer with how far the upload is, after looking at it if all of it is here.
    """
    by, now = bearer(request), timezone.now()
    if sent.state == AttachmentState.WAITING and sent.offset == sent.size:
        try:
            seen = attach.look(agency_id=by.agency_id, sha256=sha256)
        except refusals.AttachmentBusy as busy:
            return Response(
                {"status": "refused", **busy.as_dict()}, status=503, headers={"Retry-After": str(RETRY_SECONDS)}
            )
        if seen is not None:
            with open_door(by=by, at=now):
                sent = attach.keep(agency_id=by.agency_id, sha256=sha256, seen=seen, by=by, at=now)
        else:
            sent = attach.state_of(agency_id=by.agency_id, sha256=sha256)
    body = {"sha256": sha256, "offset": sent.offset, "size": sent.size, "state": sent.state, "code": sent.code or None}
    return _with_offset(Response(body), sent)


def _with_offset(response: Response, sent: attach.Sent) -> Response:
    response.headers["Upload-Offset"] = str(sent.offset)
    response.headers["Upload-Length"] = str(sent.size)
    response.headers["Upload-State"] = sent.state
    response.headers["Cache-Control"] = "no-store"
    return response


def _checked(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise NotFound
    return sha256
