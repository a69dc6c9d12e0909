"""
The anticipated noes about the survey. Codes never change their meaning.
"""

from journal.refusals import Refusal


class SurveyCodeNotFound(Refusal):
    """
    Nobody printed such a code.
    """

    code = "survey_code_not_found"
    message = "This code is not known. Look at the card again."
    status = 404


class SurveyCodeUsed(Refusal):
    """
    Each card counts once.
    """

    code = "survey_code_used"
    message = "This card was used already. Each card counts once."
