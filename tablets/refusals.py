"""
The anticipated noes about tablets: pairing, signing on, lines and exchanges.
"""

from journal.refusals import Refusal


class TabletNotFound(Refusal):
    """
    There is no such tablet, or it belongs to another agency: both answer alike.
    """

    code = "tablet_not_found"
    message = "There is no such tablet."
    status = 404


class TabletUnknown(Refusal):
    """
    The token belongs to no tablet. The tablet keeps what it has not sent yet, and is paired anew.
    """

    code = "tablet_unknown"
    message = "This tablet is not paired. Ask a supervisor for a code."
    status = 401


class TabletRevoked(Refusal):
    """
    The tablet was revoked. ``facts.purge`` tells the app to erase what it holds.
    """

    code = "tablet_revoked"
    message = "This tablet was taken out of use. Ask a supervisor."
    status = 401


class CrossSiteRequest(Refusal):
    """
    A tablet's cookie came with a request that another site caused, or that does not say where it comes from.
    """

    code = "cross_site"
    message = "This request did not come from the tablet app."
    status = 403


class PairingCodeWrong(Refusal):
    """
    No open code reads like this: mistyped, expired, used, or tried too often. All answer alike.
    """

    code = "pairing_code_wrong"
    message = "This code does not work. Check it, or ask for a new one."
    status = 403


class TabletInUse(Refusal):
    """
    Somebody else is signed on at this tablet; facts say since when.
    """

    code = "tablet_in_use"
    message = "Somebody else is signed on at this tablet. They sign off first."


class OnAnotherUnit(Refusal):
    """
    The person is on shift on another unit than the tablet's.
    """

    code = "on_another_unit"
    message = "You are on shift on another unit. Sign off there first."


class NotSignedOn(Refusal):
    """
    Nobody is signed on at this tablet, or not the person who asks.
    """

    code = "not_signed_on"
    message = "Nobody is signed on at this tablet."
    status = 403


class NothingToHear(Refusal):
    """
    The bearer may hear no stream at all, so a line would be silent.
    """

    code = "nothing_to_hear"
    message = "Sign on first: there is nothing for you to hear."
    status = 403


class ProtocolUnknown(Refusal):
    """
    The exchange speaks a protocol that this server does not; facts say which it does.
    """

    code = "protocol_unknown"
    message = "This tablet's app is too old or too new. It updates itself when it is reloaded."
    status = 426


class TabletAnswersOnly(Refusal):
    """
    A tablet's request came without a tablet.
    """

    code = "not_a_tablet"
    message = "Only a paired tablet can do this."
    status = 403
