"""
The anticipated noes about encounter reports. Codes never change their meaning: tablets that were offline still know them.
"""

from journal.refusals import Refusal


class EncounterNotFound(Refusal):
    """
    There is no such report, or it is not the actor's to read: both answer alike.
    """

    code = "encounter_not_found"
    message = "There is no such report."
    status = 404
