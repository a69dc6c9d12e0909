"""
The anticipated noes about calls and what units do about them. ``message`` is the sentence for the screen.

Codes never change their meaning: tablets that were offline for days still know them.
"""

from journal.refusals import Refusal


class CallNotFound(Refusal):
    """
    There is no such call, or it is not the actor's to see: both answer alike.
    """

    code = "call_not_found"
    message = "There is no such call."
    status = 404


class AssignmentNotFound(Refusal):
    """
    There is no such assignment, or it is another unit's: both answer alike.
    """

    code = "assignment_not_found"
    message = "There is no such assignment."
    status = 404


class HandOverNotFound(Refusal):
    """
    There is no such hand-over, or it is between other units: both answer alike.
    """

    code = "hand_over_not_found"
    message = "There is no such hand-over."
    status = 404


class StopNotFound(Refusal):
    """
    There is no such stop, or it was for another unit: both answer alike.
    """

    code = "stop_not_found"
    message = "There is no such stop."
    status = 404


class AlarmNotFound(Refusal):
    """
    There is no such alarm, or it belongs to another agency: both answer alike.
    """

    code = "alarm_not_found"
    message = "There is no such alarm."
    status = 404


class FlagNotFound(Refusal):
    """
    There is no such flag, or it is of another agency's call: both answer alike.
    """

    code = "flag_not_found"
    message = "There is no such flag."
    status = 404


class DebriefNotFound(Refusal):
    """
    There is no such debrief, or it belongs to another agency: both answer alike.
    """

    code = "debrief_not_found"
    message = "There is no such debrief."
    status = 404


class CallAlreadyTaken(Refusal):
    """
    Another unit holds the call; facts say which (``unit``) and since when (``at``).
    """

    code = "call_already_taken"
    message = "Another unit took this call first."


class CallNotPending(Refusal):
    """
    The call is closed or cancelled, or no longer waits; facts say its ``status``.
    """

    code = "call_not_pending"
    message = "This call is no longer waiting."


class CallNotForCare(Refusal):
    """
    The response says that CARE does not go; facts say the ``response`` and its ``reasons``.
    """

    code = "call_not_for_care"
    message = "CARE is ruled out for this call. Overrule the decision first."


class SelfDispatchWrongQueue(Refusal):
    """
    The call waits for police: it can be poached, if at all.
    """

    code = "self_dispatch_wrong_queue"
    message = "This call waits for police. Use “Take from police”."


class PoachWrongQueue(Refusal):
    """
    The call waits for CARE: it is taken without a poach.
    """

    code = "poach_wrong_queue"
    message = "This call waits for CARE. Just take it."


class PoachPoliceAssigned(Refusal):
    """
    Police are assigned already.
    """

    code = "poach_police_assigned"
    message = "Police are already assigned to this call."


class PoachPriority(Refusal):
    """
    The call is more urgent than what this agency lets units poach; facts say its ``priority``.
    """

    code = "poach_priority"
    message = "This call is too urgent to take from police."


class PoachRed(Refusal):
    """
    The type of call is police's only.
    """

    code = "poach_red"
    message = "This type of call is for police only."


class PoachCaution(Refusal):
    """
    A caution is active on the address or on the caller's phone.
    """

    code = "poach_caution"
    message = "A caution is active for this address or phone."


class PoachDisqualified(Refusal):
    """
    A disqualifier was answered yes, and past a yes only a supervisor decides; facts name them (``yes``).
    """

    code = "poach_disqualified"
    message = "Something reported about this call rules CARE out."


class PoachFeedOld(Refusal):
    """
    CAD was not heard of for too long to know whether police are assigned; facts say the age of the feed in seconds.
    """

    code = "poach_feed_old"
    message = "The link to CAD is too old to take a call from police."


class UnitBusy(Refusal):
    """
    The unit holds a call; facts say which (``call``).
    """

    code = "unit_busy"
    message = "This unit has a call already."


class UnitNotDispatchable(Refusal):
    """
    The unit cannot be given a call; ``why`` is RETIRED, OUTSIDE, OFF_SHIFT, CREW_TOO_SMALL, MEAL, REPORT or OUT_OF_SERVICE.
    """

    code = "unit_not_dispatchable"
    message = "This unit cannot take a call now."


class UnitNotOutside(Refusal):
    """
    Only units of other services are attached by name; one's own are dispatched.
    """

    code = "unit_not_outside"
    message = "This unit is one of ours: send it, do not attach it."


class OutsideUnitAttached(Refusal):
    """
    The outside unit is on the call already.
    """

    code = "outside_unit_attached"
    message = "This unit is on the call already."


class OutsideUnitNotAttached(Refusal):
    """
    The outside unit is not on the call.
    """

    code = "outside_unit_not_attached"
    message = "This unit is not on the call."


class InvalidTransition(Refusal):
    """
    The table of transitions has no such step; facts say the ``status`` and what was ``wanted``.
    """

    code = "invalid_transition"
    message = "That is not possible from where this unit is with the call."


class AssignmentEnded(Refusal):
    """
    The unit no longer holds the call; facts say how it ended (``status``) and when (``at``).
    """

    code = "assignment_ended"
    message = "This unit no longer has this call."


class ReassignTooEarly(Refusal):
    """
    The crew still has time to acknowledge; facts say from when the desk may reassign (``from``).
    """

    code = "reassign_too_early"
    message = "The crew still has time to acknowledge."


class HandBackAlreadyAsked(Refusal):
    """
    The crew has asked already, and nobody has accepted yet.
    """

    code = "hand_back_already_asked"
    message = "The desk has been asked already. The call is yours until somebody accepts."


class HandBackNotAsked(Refusal):
    """
    The crew has not asked to give the call back, and neither police nor CAD stand against it.
    """

    code = "hand_back_not_asked"
    message = "The crew has not asked to give this call back."


class HandOverAlreadyAsked(Refusal):
    """
    Another unit has been asked and has not answered; facts say which (``unit``).
    """

    code = "hand_over_already_asked"
    message = "Another unit has been asked already."


class CallNotHeld(Refusal):
    """
    The unit is on scene of the call without holding it: it can only take it, or leave.
    """

    code = "call_not_held"
    message = "This call is not yours yet. Take it first, or ask the desk."


class HandOverEnded(Refusal):
    """
    The question is settled: accepted, declined, or the call was cleared meanwhile.
    """

    code = "hand_over_ended"
    message = "This hand-over is already settled."


class OfferWrongQueue(Refusal):
    """
    Only calls that wait for police are offered to CARE.
    """

    code = "offer_wrong_queue"
    message = "This call already waits for CARE."


class CallAlreadyOffered(Refusal):
    """
    The call is offered already; facts say since when (``at``).
    """

    code = "call_already_offered"
    message = "This call is offered already."


class CallNotOffered(Refusal):
    """
    There is no offer to withdraw.
    """

    code = "call_not_offered"
    message = "This call is not offered."


class AlarmEnded(Refusal):
    """
    The alarm has ended; facts say by whom (``by``) and when (``at``).
    """

    code = "alarm_ended"
    message = "This alarm has already ended."


class DebriefClosed(Refusal):
    """
    A supervisor has closed the debrief.
    """

    code = "debrief_closed"
    message = "This debrief is closed."


class DebriefCommented(Refusal):
    """
    Somebody else has written this comment; facts say who (``person``).
    """

    code = "debrief_commented"
    message = "Somebody else has already written this comment."


class DebriefNotYours(Refusal):
    """
    The desk and the sergeant comment; nobody else does.
    """

    code = "debrief_not_yours"
    message = "Only the desk and the sergeant comment on a debrief."
    status = 403


class TandemNotFound(Refusal):
    """
    There is no such tandem, or its call never was this unit's: both answer alike.
    """

    code = "tandem_not_found"
    message = "There is no such tandem."
    status = 404


class TandemOpen(Refusal):
    """
    This partner is asked for already; facts say by which tandem.
    """

    code = "tandem_open"
    message = "This partner has been asked for already."


class TandemEnded(Refusal):
    """
    The tandem is over; facts say how (``state``).
    """

    code = "tandem_ended"
    message = "This tandem is over."


class InvalidTandemStep(Refusal):
    """
    The table of tandems has no such step; facts say from where (``state``) and to where (``wanted``).
    """

    code = "invalid_tandem_step"
    message = "That is not possible from where this tandem is."


class CareAloneNotAllowed(Refusal):
    """
    The policy does not let CARE go alone, whoever agrees; facts say what stands against it (``reasons``).
    """

    code = "care_alone_not_allowed"
    message = "The policy does not let CARE go alone here. Stage until the scene is declared safe."


class MessageNeedsUnit(Refusal):
    """
    Several units hold the call, or none, and the desk did not say which one a message is for.
    """

    code = "message_needs_unit"
    message = "Say which unit this message is for."


class MessageOwnSide(Refusal):
    """
    A message is marked by the side that gets it, never by the side that sent it.
    """

    code = "message_own_side"
    message = "Only whoever gets a message can mark it."
