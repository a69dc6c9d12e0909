"""
The page of police dispatchers: requests for backup in their sectors, and nothing else of CARE's.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from dispatch.backup_console import console_facts
from dispatch.models import BackupConsoleKind
from dispatch.views import signed_in


@require_safe
@ensure_csrf_cookie
def page(request: HttpRequest) -> HttpResponse:
    """
    GET /police/: a console that shows requests for backup, and by which police are said to be on their way.
    """
    facts = console_facts(signed_in(request), BackupConsoleKind.POLICE, at=timezone.now())
    return render(request, "dispatch/police.html", {"backup": facts})
