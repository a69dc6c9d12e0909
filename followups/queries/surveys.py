"""
What the people met said, for those who lead the programme: never of fewer people than the programme allows.
"""

from dataclasses import dataclass
from datetime import date

from followups.models import SurveyCode, SurveyPeriod
from followups.queries.plans import programme_of
from followups.survey import TEXTS


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


def said(agency_id: int) -> Said:
    """
    Return what was said in months that are over, as it was put together then (``actions.surveys.make_periods``): what is left
    over is not shown and not counted anywhere, nor is the month that is under way.
    """
    rows = SurveyPeriod.objects.filter(agency=agency_id).order_by("-first")
    printed = SurveyCode.objects.filter(agency=agency_id).count()
    return Said(least=programme_of(agency_id).survey_least, periods=[_period(row) for row in rows], printed=printed)


def _period(row: SurveyPeriod) -> Period:
    text = TEXTS["en"]
    return Period(
        first=row.first,
        last=row.last,
        count=row.count,
        languages=[(TEXTS[tag].name, many) for tag, many in row.languages],
        questions=[
            Question(
                text=words,
                count=one["count"],
                mean=one["mean"],
                shares=list(zip(text.scores, one["shares"], strict=False)),
            )
            for words, one in zip(text.questions, row.questions, strict=True)
        ],
    )
