"""
The anticipated noes about navigator referrals. Codes never change their meaning.
"""

from journal.refusals import Refusal


class IntakeNotFound(Refusal):
    """
    There is no such intake, or it is another agency's: both answer alike.
    """

    code = "intake_not_found"
    message = "There is no such referral."
    status = 404


class IntakeTaken(Refusal):
    """
    Another coordinator has it; facts say who (``person``).
    """

    code = "intake_taken"
    message = "Somebody else has taken this referral."


class IntakeClosed(Refusal):
    """
    It is closed; facts say since when (``at``).
    """

    code = "intake_closed"
    message = "This referral is closed already."
