"""
What the people met said, for those who lead the programme: never of fewer people than the programme allows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from followups.models import Programme, SurveyAnswer, SurveyCode
from followups.survey import QUESTIONS, SCORES, TEXTS
from responders.models import Agency

LEAST: Final = 10


@dataclass(frozen=True, slots=True)
class Question:
    """
    What was said to one statement: how many answered it, their mean, and the share of each score in whole per cent.
    """

    text: str
    count: int
    mean: float | None
    shares: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Period:
    """
    Whole months that have enough answers together, from ``first`` to ``last``.
    """

    first: date
    last: date
    count: int
    languages: list[tuple[str, int]]
    questions: list[Question]


@dataclass(frozen=True, slots=True)
class Said:
    """
    The survey of an agency: its periods, the newest first, and how many cards were printed.
    """

    least: int
    periods: list[Period]
    printed: int


def said(agency_id: int, *, at: datetime) -> Said:
    """
    Return what was said in months that are over.

    Months are put together until they hold the least number of answers. What is left over is not shown and not counted
    anywhere, nor is the month that is under way: otherwise the difference between two looks at this page would be one
    person's answers.
    """
    least = Programme.objects.filter(agency=agency_id).values_list("survey_least", flat=True).first() or LEAST
    agency = Agency.objects.get(pk=agency_id)
    this_month = at.astimezone(ZoneInfo(agency.timezone)).date().replace(day=1)
    rows = SurveyAnswer.objects.filter(agency=agency_id, month__lt=this_month).order_by("month", "pk")
    periods: list[Period] = []
    gathered: list[SurveyAnswer] = []
    for month_rows in _by_month(rows):
        gathered += month_rows
        if len(gathered) >= least:
            periods.append(_period(gathered, least))
            gathered = []
    printed = SurveyCode.objects.filter(agency=agency_id).count()
    return Said(least=least, periods=periods[::-1], printed=printed)


def _by_month(rows: Iterable[SurveyAnswer]) -> list[list[SurveyAnswer]]:
    months: dict[date, list[SurveyAnswer]] = {}
    for row in rows:
        months.setdefault(row.month, []).append(row)
    return list(months.values())


def _period(rows: Sequence[SurveyAnswer], least: int) -> Period:
    by_language = {tag: sum(row.language == tag for row in rows) for tag in TEXTS}
    # A language that few chose is not named, and neither is what is left beside it.
    named = {tag: many for tag, many in by_language.items() if many >= least}
    rest = len(rows) - sum(named.values())
    languages = [(TEXTS[tag].name, many) for tag, many in named.items()] if rest == 0 or rest >= least else []
    return Period(
        first=rows[0].month,
        last=rows[-1].month,
        count=len(rows),
        languages=languages,
        questions=[_question(rows, number, least) for number in range(QUESTIONS)],
    )


def _question(rows: Sequence[SurveyAnswer], number: int, least: int) -> Question:
    given = [row.answers[number] for row in rows if row.answers[number]]
    text = TEXTS["en"].questions[number]
    if len(given) < least:
        return Question(text=text, count=0, mean=None, shares=[])
    shares = [
        (TEXTS["en"].scores[score - 1], round(100 * sum(one == score for one in given) / len(given)))
        for score in SCORES
    ]
    return Question(text=text, count=len(given), mean=round(sum(given) / len(given), 1), shares=shares)
