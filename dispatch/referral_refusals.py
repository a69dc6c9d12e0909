"""
The anticipated noes about referrals.
"""

from journal.refusals import Refusal


class ReferralNotFound(Refusal):
    """
    There is no such referral, or somebody else made it: both answer alike.
    """

    code = "referral_not_found"
    message = "There is no such referral."
    status = 404


class ReferralCallEnded(Refusal):
    """
    The call of this number has ended; facts say its ``number``.
    """

    code = "referral_call_ended"
    message = "This call has ended. Refer what you see as something that you came upon."


class ReferralAlreadyMade(Refusal):
    """
    The officer has referred this call already; facts say which ``referral`` that is.
    """

    code = "referral_already_made"
    message = "You have referred this call already. It is in your list."


class ReferralEnded(Refusal):
    """
    There is nothing left to withdraw.
    """

    code = "referral_ended"
    message = "This referral has ended already."


class ReferralUnitThere(Refusal):
    """
    The unit is there: what becomes of it is between the two on scene.
    """

    code = "referral_unit_there"
    message = "The unit is there. Tell its crew."


class IntakeSourceInvalid(Refusal):
    """
    Calls of 911, of officers and of crews come in by other ways than with a key.
    """

    code = "intake_source_invalid"
    message = "A key is made for 988, a hotline, 311, a direct line or a provider."
    status = 400
