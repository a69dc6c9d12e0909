"""
The anticipated noes about encounter reports. Codes never change their meaning: tablets that were offline still know them.
"""

from journal.refusals import Refusal


class EncounterNotFound(Refusal):
    """
    There is no such report, or it is not the actor's: both answer alike.
    """

    code = "encounter_not_found"
    message = "There is no such report."
    status = 404


class EncounterNotSigned(Refusal):
    """
    Only what was signed can be sent back.
    """

    code = "encounter_not_signed"
    message = "This report is not signed: it is still its author's."


class EncounterNotOwed(Refusal):
    """
    Only a draft that its author still owes can be excused.
    """

    code = "encounter_not_owed"
    message = "Nobody owes this report: it is signed, or was excused before."


class ChoiceUnknown(Refusal):
    """
    A report names a code that was never a choice of the agency; facts say which, by the field that it answers.
    """

    code = "choice_unknown"
    message = "This report holds a choice that this agency does not have. It is kept until the choice is there."
    status = 400
