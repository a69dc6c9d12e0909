"""
The survey: the page of the people met, which knows nobody, and what came of it, for those who lead the programme.
"""

from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_http_methods, require_safe
from redis.exceptions import RedisError

from dispatch.asking import common, signed_in
from followups.actions import surveys as actions
from followups.board_pages import beside
from followups.models import SurveyCode
from followups.queries import surveys as queries
from followups.refusals.surveys import SurveyCodeNotFound, SurveyCodeUsed
from followups.survey import QUESTIONS, SCORES, TEXTS, code_hash, language, plain
from journal.door import open_door
from responders.rate_limits import client_address, hit
from responders.refusals import TooManyRequests

# Of one address: a shelter's guests may share one.
RATE: Final = "30/minute"
_BY: Final = "survey"


@require_safe
def enter(request: HttpRequest) -> HttpResponse:
    """
    Ask for the code of a card, for whoever types it.
    """
    if code := plain(request.GET.get("code", "")):
        return HttpResponseRedirect(reverse("survey", args=[code]))
    return _shown(request, "", state="enter")


@require_http_methods(["GET", "HEAD", "POST"])
def survey(request: HttpRequest, code: str) -> HttpResponse:
    """
    Show the five statements of one card, and take the answers.

    :raises TooManyRequests: too many from this address.
    """
    if request.method != "POST":
        card = SurveyCode.objects.filter(code_hash=code_hash(code)).first()
        if card is None:
            return _shown(request, code, state="unknown", status=404)
        return _shown(request, code, state="used" if card.used else "ask")
    _check_rate(request)
    answers = [_score(request.POST.get(f"q{number}", "")) for number in range(1, QUESTIONS + 1)]
    if not any(answers):
        return _shown(request, code, state="ask", nothing=True)
    at = timezone.now()
    try:
        with open_door(by=_BY, at=at):
            actions.answer(code=code, language=_language(request), answers=answers, at=at)
    except SurveyCodeNotFound:
        return _shown(request, code, state="unknown", status=404)
    except SurveyCodeUsed:
        return _shown(request, code, state="used", status=409)
    return _shown(request, code, state="thanks")


@require_safe
@ensure_csrf_cookie
def surveys(request: HttpRequest) -> HttpResponse:
    """
    Show what was said, of no fewer people than the programme allows.
    """
    actor, now = signed_in(request), timezone.now()
    said = queries.said(actor.agency_id)
    return render(request, "followups/surveys.html", {**common(actor, now), **beside(actor, "survey"), "said": said})


def _shown(request: HttpRequest, code: str, *, state: str, nothing: bool = False, status: int = 200) -> HttpResponse:
    tag = _language(request)
    text = TEXTS[tag]
    questions = [
        {"name": f"q{number}", "text": said, "given": request.POST.get(f"q{number}", "")}
        for number, said in enumerate(text.questions, start=1)
    ]
    context = {
        "tag": tag,
        "text": text,
        "texts": TEXTS.items(),
        "questions": questions,
        "scores": list(zip(SCORES, text.scores, strict=True)),
        "state": state,
        "nothing": nothing,
    }
    response = render(request, "followups/survey.html", context, status=status)
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Vary"] = "Accept-Language"
    return response


def _language(request: HttpRequest) -> str:
    asked = request.POST.get("language", "") or request.GET.get("language", "")
    return language(asked, request.headers.get("Accept-Language", ""))


def _score(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) == 1 and int(text) in SCORES else 0


def _check_rate(request: HttpRequest) -> None:
    try:
        allowed = hit(RATE, "survey", client_address(request))
    except RedisError:
        # A code is too long to be guessed: without the count, each still works once only.
        return
    if not allowed:
        raise TooManyRequests
