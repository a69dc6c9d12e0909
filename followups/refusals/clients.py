"""
The anticipated noes about people met and their records. Codes never change their meaning.
"""

from journal.refusals import Refusal


class ClientNotFound(Refusal):
    """
    There is no such person here, or their record is not the actor's to read: both answer alike.
    """

    code = "client_not_found"
    message = "There is no such record."
    status = 404
