"""
The anticipated noes about what an agency decides of care after the call.
"""

from journal.refusals import Refusal


class HoursInvalid(Refusal):
    """
    People are visited from one hour of a day until a later one.
    """

    code = "hours_invalid"
    message = "Visits must begin earlier in the day than they end."
    status = 400


class StepsInvalid(Refusal):
    """
    A plan has at least one step, and its days come one after the other.
    """

    code = "steps_invalid"
    message = "Name at least one day, each once, in order."
    status = 400


class ChoiceNotOurs(Refusal):
    """
    Holding somebody against their will is a crisis responder's or the police's doing, and never an act of this programme
    (RCW 71.05.150, 71.05.153).
    """

    code = "choice_not_ours"
    message = (
        "An involuntary hold is never this programme's act."
        " Say that a designated crisis responder was called, or that police took custody."
    )
    status = 400
