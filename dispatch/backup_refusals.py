"""
The anticipated noes of the desk about requests for backup. Whoever asks for backup is never told no.
"""

from journal.refusals import Refusal


class BackupUnknown(Refusal):
    """
    There is no such request for backup, or it is another agency's: both answer alike.
    """

    code = "backup_unknown"
    message = "There is no such request for backup."
    status = 404


class BackupClosed(Refusal):
    """
    The request was closed before; facts say ``as``.
    """

    code = "backup_closed"
    message = "That request for backup is closed."


class BackupOwn(Refusal):
    """
    Whoever is on the unit that asked cannot answer it.
    """

    code = "backup_own"
    message = "Nobody can see their own request for backup."


class BackupCancelNotAsked(Refusal):
    """
    The crew has not asked to cancel: a dispatcher closes the request by saying how it ended.
    """

    code = "backup_cancel_not_asked"
    message = "The crew has not asked to cancel this."
