"""
The survey: cards are printed, and each is answered once.
"""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

from followups.models import SurveyAnswer, SurveyCode
from followups.refusals.surveys import SurveyCodeNotFound, SurveyCodeUsed
from followups.survey import QUESTIONS, SCORES, TEXTS, code_hash, new_code
from journal.record import record
from responders.models import Agency


def print_codes(*, agency_id: int, count: int, by: object, at: datetime) -> list[str]:
    """
    Make new codes and return them: only hashes are kept, so this is the one time that they can be printed.
    """
    agency = Agency.objects.get(pk=agency_id)
    month = month_of(agency, at)
    codes = [new_code() for _ in range(count)]
    SurveyCode.objects.bulk_create(SurveyCode(agency=agency, code_hash=code_hash(code), month=month) for code in codes)
    record("survey.printed", agency_id=agency_id, about=f"agency.{agency_id}", data={"count": count}, by=by, at=at)
    return codes


def answer(*, code: str, language: str, answers: Sequence[int], at: datetime) -> SurveyAnswer:
    """
    Keep one person's answers, one to five each and 0 where one was left out, and use up their code.

    Nothing is recorded: an entry would say at which second somebody answered.

    :raises SurveyCodeNotFound: nobody printed this code.
    :raises SurveyCodeUsed: it was answered with already.
    :raises ValueError: these are no answers to this survey; the page asks for nothing else.
    """
    if language not in TEXTS or len(answers) != QUESTIONS or any(one and one not in SCORES for one in answers):
        raise ValueError("no answers to this survey")
    # Two tabs that send at once wait for each other here.
    card = SurveyCode.objects.select_for_update().filter(code_hash=code_hash(code)).first()
    if card is None:
        raise SurveyCodeNotFound
    if card.used:
        raise SurveyCodeUsed
    card.used = True
    card.save(update_fields=["used"])
    agency = Agency.objects.get(pk=card.agency_id)
    return SurveyAnswer.objects.create(
        id=uuid4(), agency=agency, month=month_of(agency, at), language=language, answers=list(answers)
    )


def month_of(agency: Agency, at: datetime) -> date:
    """
    Return the first day of the agency's own month at an instant.
    """
    return at.astimezone(ZoneInfo(agency.timezone)).date().replace(day=1)
