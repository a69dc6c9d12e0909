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


class ChoiceTaken(Refusal):
    """
    What should be a new choice has the code of one that there is, offered or retired: a code never changes its meaning.
    """

    code = "choice_taken"
    message = "There is a choice with this code already. Take another code, or bring that one back."


class ChoiceUnlabelled(Refusal):
    """
    There is no choice of that code, and nothing that a new one would be called.
    """

    code = "choice_unlabelled"
    message = "Say what the new choice is called."
    status = 400


class ChoicesDiffer(Refusal):
    """
    The order that was given is not of all that a field offers: somebody else added or retired a choice meanwhile.
    """

    code = "choices_differ"
    message = "The list has changed meanwhile. Look at it again."
