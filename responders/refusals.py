"""
The anticipated noes about units, crews, shifts and areas.
"""

from journal.refusals import Refusal


class UnitNotFound(Refusal):
    """
    There is no such unit, or it belongs to another agency: both answer alike.
    """

    code = "unit_not_found"
    message = "There is no such unit."
    status = 404


class PersonNotFound(Refusal):
    """
    There is no such person, or it belongs to another agency: both answer alike.
    """

    code = "person_not_found"
    message = "There is no such person."
    status = 404


class AreaNotFound(Refusal):
    """
    There is no such service area, or it belongs to another agency: both answer alike.
    """

    code = "area_not_found"
    message = "There is no such service area."
    status = 404


class ShiftNotFound(Refusal):
    """
    There is no such shift.
    """

    code = "shift_not_found"
    message = "There is no such shift."
    status = 404


class NotYourUnit(Refusal):
    """
    A tablet spoke for a unit that is not its own.
    """

    code = "not_your_unit"
    message = "This tablet belongs to another unit."
    status = 403


class AskedByMissing(Refusal):
    """
    The desk acted for a crew without saying who asked on the radio.
    """

    code = "asked_by_missing"
    message = "Say which unit this is for and who asked on the radio."
    status = 400


class UnitIsOutside(Refusal):
    """
    A unit without tablet or crew here was asked to do what only a unit of the agency does.
    """

    code = "unit_is_outside"
    message = "This unit belongs to another service. It can only be attached to a call by name."


class UnitRetired(Refusal):
    """
    The unit is no longer used.
    """

    code = "unit_retired"
    message = "This unit is no longer in use."


class UnitOffShift(Refusal):
    """
    Nobody is on shift on this unit.
    """

    code = "unit_off_shift"
    message = "Nobody is on shift on this unit."


class UnitOutOfService(Refusal):
    """
    The crew has taken the unit out of service; facts say why and since when.
    """

    code = "unit_out_of_service"
    message = "This unit is out of service."


class CrewTooSmall(Refusal):
    """
    Fewer responders are on shift than the unit needs to be sent alone.
    """

    code = "crew_too_small"
    message = "This unit has too few responders on shift to go alone."


class UnitHasCrew(Refusal):
    """
    A unit with somebody on shift cannot be retired.
    """

    code = "unit_has_crew"
    message = "Somebody is on shift on this unit. Sign them off first."


class CallSignTaken(Refusal):
    """
    The agency has another unit under this call sign.
    """

    code = "call_sign_taken"
    message = "Another unit has this call sign."


class ShiftAlreadyOpen(Refusal):
    """
    The person is on shift already; facts say on which unit and since when.
    """

    code = "shift_already_open"
    message = "This person is already on shift."


class ShiftAlreadyEnded(Refusal):
    """
    The shift was ended before.
    """

    code = "shift_already_ended"
    message = "This shift has already ended."


class NotOnShift(Refusal):
    """
    The actor is not on shift, and this is only for people who are.
    """

    code = "not_on_shift"
    message = "Sign on first: this is only for a crew on shift."


class NotAResponder(Refusal):
    """
    Only responders ride on a unit.
    """

    code = "not_a_responder"
    message = "Only an active responder can go on shift."


class PlannedEndInvalid(Refusal):
    """
    A shift must be planned to end after it starts, and within a day.
    """

    code = "planned_end_invalid"
    message = "A shift must be planned to end later than it starts, and within 24 hours."
    status = 400


class TakeExpired(Refusal):
    """
    A take waited longer for signal than the agency lets it; facts say its age (``age_s``) and how old it may be (``life_s``).
    """

    code = "take_expired"
    message = "This took too long to reach us, so it was not decided. Ask again if the call still waits."


class AreaVersionOverlaps(Refusal):
    """
    A later version of the area exists already: the new one would overlap it.
    """

    code = "area_version_overlaps"
    message = "A version of this area that begins later exists already."


class SignInRefused(Refusal):
    """
    Address, password or code are wrong, or the account is locked or disabled: it does not say which.
    """

    code = "sign_in_failed"
    message = (
        "That did not match. After five failed tries within 15 minutes an account is locked until a supervisor"
        " releases it."
    )
    status = 401


class SecondFactorNeeded(Refusal):
    """
    The password is right; now the code of the authenticator app, or a passkey.
    """

    code = "second_factor_needed"
    message = "Enter the code of your authenticator app, or a recovery code."
    status = 401


class SecondFactorMissing(Refusal):
    """
    The person has no second factor yet and can only enrol one at a desk page.
    """

    code = "second_factor_missing"
    message = "Sign in once at a desk page and add a second factor. Then sign in here."
    status = 401


class SignInBusy(Refusal):
    """
    More people sign in at this moment than the server hashes passwords for.
    """

    code = "sign_in_busy"
    message = "Many people are signing in right now. Try again in a few seconds."
    status = 503


class SignInUnavailable(Refusal):
    """
    What sign-in needs to be safe cannot be reached; nobody is let in without it.
    """

    code = "sign_in_unavailable"
    message = "Signing in is not possible right now. Whoever is signed in stays signed in. Try again in a minute."
    status = 503


class TooManyRequests(Refusal):
    """
    One bearer or address asked more often than anybody needs to.
    """

    code = "too_many_requests"
    message = "Too many requests. Nothing was lost: try again in a moment."
    status = 429


class NotYourself(Refusal):
    """
    Nobody closes their own account or removes their own second factors.
    """

    code = "not_yourself"
    message = "Somebody else must do this for your own account."


class LastAdministrator(Refusal):
    """
    The agency would be left without anybody who gives roles.
    """

    code = "last_administrator"
    message = "This is the agency's only administrator. Make another one first."
