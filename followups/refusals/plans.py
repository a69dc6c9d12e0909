"""
The anticipated noes about plans and follow-ups. Codes never change their meaning: tablets that were offline still know them.
"""

from journal.refusals import Refusal


class PlanNotFound(Refusal):
    """
    There is no such plan, or it is not the actor's to see: both answer alike.
    """

    code = "plan_not_found"
    message = "There is no such plan."
    status = 404


class FollowUpNotFound(Refusal):
    """
    There is no such follow-up, or it is not the actor's to see: both answer alike.
    """

    code = "follow_up_not_found"
    message = "There is no such follow-up."
    status = 404


class PlanAlreadyOpen(Refusal):
    """
    Nobody has two plans; facts say which one is open (``plan``).
    """

    code = "plan_already_open"
    message = "There is a plan for this person already."


class PlanEnded(Refusal):
    """
    The plan is over; facts say how (``state``).
    """

    code = "plan_ended"
    message = "This plan is over."


class PlanAlreadyPaused(Refusal):
    """
    The plan waits already; facts say for what (``reason``).
    """

    code = "plan_already_paused"
    message = "This plan is paused already."


class PlanNotPaused(Refusal):
    """
    Only a paused plan is resumed.
    """

    code = "plan_not_paused"
    message = "This plan is not paused."


class ReleasedTooEarly(Refusal):
    """
    Nobody is released before they went in, or later than now; facts say since when the plan waits (``paused_at``).
    """

    code = "released_too_early"
    message = "The release lies before the pause, or in the future."
    status = 400


class ClientDeceased(Refusal):
    """
    Nothing is planned for somebody who has died.
    """

    code = "client_deceased"
    message = "This person has died. Nothing more is planned."


class FollowUpEnded(Refusal):
    """
    The follow-up is over; facts say how (``state``).
    """

    code = "follow_up_ended"
    message = "This follow-up is over."


class FollowUpWaits(Refusal):
    """
    The follow-up waits for a release: its day follows from that.
    """

    code = "follow_up_waits"
    message = "This follow-up waits until the person is released."


class DayIsOver(Refusal):
    """
    A follow-up is put on today or a later day, in the agency's zone; facts say which day it is there (``today``).
    """

    code = "day_is_over"
    message = "This day is over."
    status = 400


class AssigneeNotFound(Refusal):
    """
    There is no such person, or they do not see to follow-ups: both answer alike.
    """

    code = "assignee_not_found"
    message = "There is nobody like that to assign this to."
    status = 404


class FollowUpNowhere(Refusal):
    """
    A unit cannot be sent where nobody has said where that is.
    """

    code = "follow_up_nowhere"
    message = "Say where this person is to be visited before sending a unit."


class FollowUpSent(Refusal):
    """
    A unit is on its way for it already; facts say which ``call`` that is.
    """

    code = "follow_up_sent"
    message = "A unit has been sent for this follow-up already."


class VisitNeedsTwo(Refusal):
    """
    Nobody visits alone; facts say how many are on the unit (``crew``).
    """

    code = "visit_needs_two"
    message = "A visit is two people. This unit has fewer."


class VisitNotForCare(Refusal):
    """
    The dispatch policy does not send CARE to this visit; facts say the ``response`` and its ``reasons``.
    """

    code = "visit_not_for_care"
    message = "The dispatch policy does not send CARE there now."
