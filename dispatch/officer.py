"""
The officer's pages: refer somebody to CARE from a phone, and comment on calls that CARE took from police.

The first is a shell without anybody's data, so that a phone can keep it for where there is no signal.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from dispatch.models import Debrief
from dispatch.views import signed_in
from dispatch.words import PLACES
from responders.models import Agency
from tablets.installable import InstallableApp
from tablets.precache import address, content

_APP = InstallableApp(
    scope="/officer/",
    name="Refer to CARE",
    short_name="Refer",
    description="Officers refer people and calls to CARE.",
    color="#14181d",
)
_WORKER = "dispatch/officer/worker.js"
_STATIC = Path(__file__).parent / "static"
# What the page is made of beside its own modules.
_SHARED = (
    "dispatch/page.css",
    "dispatch/theme.js",
    "dispatch/icon.svg",
    "tablets/dom.js",
    "tablets/http.js",
    "tablets/line.js",
    "tablets/replica.js",
    "tablets/times.js",
    "tablets/actions.js",
    "uswds/img/sprite.svg",
    "uswds/fonts/public-sans/PublicSans-Regular.woff2",
    "uswds/fonts/public-sans/PublicSans-SemiBold.woff2",
    "uswds/fonts/public-sans/PublicSans-Bold.woff2",
    "uswds/css/uswds.min.css",
)


@require_safe
@ensure_csrf_cookie
def page(request: HttpRequest) -> HttpResponse:
    """
    GET /officer/: refer somebody, and see what became of it. It fills itself from the live line.
    """
    actor = signed_in(request)
    facts = {"person": actor.person_id, "agency": actor.agency_id, "words": {"places": PLACES}}
    return render(request, "dispatch/officer.html", {"facts": facts})


@require_safe
@ensure_csrf_cookie
def debriefs(request: HttpRequest) -> HttpResponse:
    """
    GET /officer/debriefs/: comment on calls that CARE took from police.
    """
    actor = signed_in(request)
    rows = (
        Debrief.objects.filter(agency=actor.agency_id, closed_at=None)
        .select_related("poach__call__type", "poach__assignment__unit", "sergeant")
        .order_by("sergeant_comment", "-opened_at")
    )
    zone = Agency.objects.values_list("timezone", flat=True).get(pk=actor.agency_id)
    return render(request, "dispatch/officer_debriefs.html", {"debriefs": rows[:100], "agency_zone": str(zone)})


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """
    GET /officer/sw.js: keeps the shell and its modules; every release is another worker.
    """
    return _APP.worker(_worker_source())


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """
    GET /officer/app.webmanifest: what the page is called and looks like on a home screen.
    """
    return _APP.manifest()


def _worker_source() -> str:
    own = {path.relative_to(_STATIC).as_posix() for path in (_STATIC / "dispatch/officer").iterdir()}
    names = sorted((own | set(_SHARED)) - {_WORKER})
    # Modules name each other as they lie, whatever the page calls them.
    files = sorted({address(name) for name in names} | {f"{settings.STATIC_URL}{name}" for name in names})
    said: dict[str, Any] = {"files": files}
    source = content(_WORKER).decode()
    everything = json.dumps(said).encode() + source.encode() + b"".join(content(name) for name in names)
    said["version"] = sha256(everything).hexdigest()[:16]
    return f"self.SHELL = {json.dumps(said, sort_keys=True)};\n{source}"
