"""
The anticipated noes about referrals of people to services. Codes never change their meaning.
"""

from journal.refusals import Refusal


class CareReferralNotFound(Refusal):
    """
    There is no such referral, or it is not the actor's to see: both answer alike.
    """

    code = "care_referral_not_found"
    message = "There is no such referral."
    status = 404


class CareReferralNowhere(Refusal):
    """
    Nobody said where to: neither in words nor by a line of the directory that this agency has.
    """

    code = "care_referral_nowhere"
    message = "Say where this person is referred to."
    status = 400


class CareReferralStepImpossible(Refusal):
    """
    This cannot come after what is known of the referral; facts say what that is (``state``).
    """

    code = "care_referral_step_impossible"
    message = "This cannot come after what is known of the referral."


class CareReferralDayWrong(Refusal):
    """
    Nothing is heard of a referral before it was made, or of a day to come; facts say both (``made_on``, ``today``).
    """

    code = "care_referral_day_wrong"
    message = "The day lies before the referral, or in the future."
    status = 400
