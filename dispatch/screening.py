"""
What was asked about the four disqualifiers, and what the answers mean.
"""

from collections.abc import Mapping

from dispatch.models import AnswerValue, Disqualifier

_RULED_OUT = frozenset({AnswerValue.NO, AnswerValue.NOT_RELEVANT})
_UNANSWERED = frozenset({AnswerValue.UNKNOWN, AnswerValue.NOT_ASKED})


def complete(answers: Mapping[str, str]) -> dict[Disqualifier, AnswerValue]:
    """
    Return an answer for each of the four disqualifiers; what nobody answered is NOT_ASKED.

    :raises ValueError: a name or a value is not one of the catalogue's.
    """
    given = {Disqualifier(name): AnswerValue(value) for name, value in answers.items()}
    return {name: given.get(name, AnswerValue.NOT_ASKED) for name in Disqualifier}


def all_ruled_out(answers: Mapping[Disqualifier, AnswerValue]) -> bool:
    """
    Tell whether every disqualifier was asked and is absent or not relevant. Unknown and not asked never count as no.
    """
    return all(answers.get(name) in _RULED_OUT for name in Disqualifier)


def said_yes(answers: Mapping[Disqualifier, AnswerValue]) -> list[Disqualifier]:
    """
    Return the disqualifiers that were answered yes: past one of them only a supervisor overrules.
    """
    return [name for name in Disqualifier if answers.get(name) == AnswerValue.YES]


def unanswered(answers: Mapping[Disqualifier, AnswerValue]) -> list[Disqualifier]:
    """
    Return the disqualifiers that nobody has settled yet, those that nobody asked about included.
    """
    return [name for name in Disqualifier if answers.get(name, AnswerValue.NOT_ASKED) in _UNANSWERED]
