"""
The survey: cards are printed, each is answered once, and what was said is put together once.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

from followups.models import SurveyAnswer, SurveyCode, SurveyPeriod
from followups.queries.plans import programme_of
from followups.refusals.surveys import SurveyCodeNotFound, SurveyCodeUsed
from followups.survey import QUESTIONS, SCORES, TEXTS, code_hash, new_code
from journal.record import record
from responders.models import Agency

# An answer of the last second of a month commits within this.
_SETTLED: Final = timedelta(hours=1)


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


def make_periods(*, agency_id: int, at: datetime) -> int:
    """
    Put together what was said in months that are over, and return how many periods that made.

    Months are put together until they hold the least number of answers that the programme shows. What is left over waits for
    later months, and is counted nowhere until then. A period stays as it was made: another least number is for months to come.
    """
    # Several at once make one: the second finds what the first has made.
    agency = Agency.objects.select_for_update(no_key=True).get(pk=agency_id)
    least = programme_of(agency.pk).survey_least
    rows = SurveyAnswer.objects.filter(agency=agency, month__lt=month_of(agency, at - _SETTLED)).order_by(
        "month", "pk"
    )
    made = SurveyPeriod.objects.filter(agency=agency).order_by("-last").values_list("last", flat=True).first()
    if made is not None:
        rows = rows.filter(month__gt=made)
    periods: list[SurveyPeriod] = []
    gathered: list[SurveyAnswer] = []
    for month_rows in _by_month(rows):
        gathered += month_rows
        if len(gathered) >= least:
            periods.append(_period(agency, gathered, least))
            gathered = []
    SurveyPeriod.objects.bulk_create(periods)
    return len(periods)


def _by_month(rows: Iterable[SurveyAnswer]) -> list[list[SurveyAnswer]]:
    months: dict[date, list[SurveyAnswer]] = {}
    for row in rows:
        months.setdefault(row.month, []).append(row)
    return list(months.values())


def _period(agency: Agency, rows: Sequence[SurveyAnswer], least: int) -> SurveyPeriod:
    by_language = {tag: sum(row.language == tag for row in rows) for tag in TEXTS}
    # A language that few chose is not named, and neither is what is left beside it.
    named = {tag: many for tag, many in by_language.items() if many >= least}
    rest = len(rows) - sum(named.values())
    return SurveyPeriod(
        agency=agency,
        first=rows[0].month,
        last=rows[-1].month,
        least=least,
        count=len(rows),
        languages=list(named.items()) if rest == 0 or rest >= least else [],
        questions=[_question(rows, number, least) for number in range(QUESTIONS)],
    )


def _question(rows: Sequence[SurveyAnswer], number: int, least: int) -> dict[str, Any]:
    given = [row.answers[number] for row in rows if row.answers[number]]
    if len(given) < least:
        return {"count": 0, "mean": None, "shares": []}
    shares = [round(100 * sum(one == score for one in given) / len(given)) for score in SCORES]
    return {"count": len(given), "mean": round(sum(given) / len(given), 1), "shares": shares}


def month_of(agency: Agency, at: datetime) -> date:
    """
    Return the first day of the agency's own month at an instant.
    """
    return at.astimezone(ZoneInfo(agency.timezone)).date().replace(day=1)
