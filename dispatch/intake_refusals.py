"""
The anticipated noes about intake, decisions, policies and cautions.
"""

from journal.refusals import Refusal


class CadOwnsField(Refusal):
    """
    CAD owns number, type, priority, address and police units of the calls it made; facts name the ``fields``.
    """

    code = "cad_owns_field"
    message = "CAD owns this. Change it there."


class CadOwnsCall(Refusal):
    """
    A call that CAD holds open is cancelled in CAD; the desk can overrule the decision.
    """

    code = "cad_owns_call"
    message = "CAD holds this call open. Cancel it there."


class CallClosed(Refusal):
    """
    The call is closed or cancelled; facts say its ``status`` and since when (``at``).
    """

    code = "call_closed"
    message = "This call is closed."


class CallHeld(Refusal):
    """
    A unit is with this call: it is not cancelled under the crew; facts name the ``units``.
    """

    code = "call_held"
    message = "A unit is on scene. It has been told; the call closes when it clears."


class UnknownCallType(Refusal):
    """
    The agency has no such type of call; facts say the ``type``.
    """

    code = "unknown_call_type"
    message = "There is no such type of call."
    status = 400


class OverruleNeedsSupervisor(Refusal):
    """
    Past a disqualifier that was answered yes only a supervisor goes; facts name them (``yes``).
    """

    code = "overrule_needs_supervisor"
    message = "Something was answered with yes. Only a supervisor can overrule that."


class OverruleChangesNothing(Refusal):
    """
    The response is this one already.
    """

    code = "overrule_changes_nothing"
    message = "This is the response already."


class OverruleNeedsPerson(Refusal):
    """
    Decisions are overruled by people under their names.
    """

    code = "overrule_needs_person"
    message = "Only a person can overrule a decision."
    status = 403


class WishNotAskedTwice(Refusal):
    """
    A caller who wants no police is asked twice: NO_POLICE comes before NO_POLICE_CONFIRMED.
    """

    code = "wish_not_asked_twice"
    message = "Ask twice: note first that the caller wants no police, then that they confirmed it."


class PolicyNotFound(Refusal):
    """
    There is no such policy, or it belongs to another agency: both answer alike.
    """

    code = "policy_not_found"
    message = "There is no such policy."
    status = 404


class PolicyAlreadyOn(Refusal):
    """
    A policy that was switched on is never changed nor dated anew: past decisions refer to it; facts say since when.
    """

    code = "policy_already_on"
    message = "This policy was switched on already. Make a new version."


class PolicyStartsInPast(Refusal):
    """
    A policy begins now or later: what was decided under another one stays decided.
    """

    code = "policy_starts_in_past"
    message = "A policy can begin now or later, not in the past."
    status = 400


class PolicyInvalid(Refusal):
    """
    The rules cannot be used; facts say what is wrong, by path (``errors``).
    """

    code = "policy_invalid"
    message = "The rules of this policy cannot be used."
    status = 400


class CautionNotFound(Refusal):
    """
    There is no such caution, or it belongs to another agency: both answer alike.
    """

    code = "caution_not_found"
    message = "There is no such caution."
    status = 404


class CautionEnded(Refusal):
    """
    The caution has ended; facts say when (``at``).
    """

    code = "caution_ended"
    message = "This caution has already ended."


class CautionExpiryInvalid(Refusal):
    """
    A caution ends later than now and within a year: a warning that nobody looks at again is a rumour.
    """

    code = "caution_expiry_invalid"
    message = "A caution must end later than now and within a year."
    status = 400


class CautionNeedsOnePlace(Refusal):
    """
    A caution lies on an address or on a phone number, not on both and not on neither.
    """

    code = "caution_needs_one_place"
    message = "A caution lies on an address or on a phone number: give one of them."
    status = 400


class CautionNeedsPerson(Refusal):
    """
    A caution is made by a person under their name.
    """

    code = "caution_needs_person"
    message = "Only a person can add a caution."
    status = 403


class RevisionReused(Refusal):
    """
    CAD sent the same revision of a call twice with different content.
    """

    code = "revision_reused"
    message = "This revision is known with different content. Nothing was changed."
    status = 409


class MessageNotFound(Refusal):
    """
    There is no such message for whoever asks: a CAD, the desk or a unit.
    """

    code = "message_not_found"
    message = "There is no such message."
    status = 404


class MessageSettled(Refusal):
    """
    CAD answered this message before, and differently; facts say how (``answer``).
    """

    code = "message_settled"
    message = "This message was answered differently before. Nothing was changed."
