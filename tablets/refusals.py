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


class SignOnLapsed(Refusal):
    """
    A sign-on without signal stands on none: nobody signed on here properly within the lease, or access changed since.
    """

    code = "sign_on_lapsed"
    message = "Your PIN no longer opens this tablet. Sign on with your password."
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


class AttachmentNotBegun(Refusal):
    """
    Bytes came of something that no tablet has said it would send; begin with POST /api/attachments/.
    """

    code = "attachment_not_begun"
    message = "This upload has not begun, or was given up. It begins again by itself."
    status = 404


class AttachmentWrongOffset(Refusal):
    """
    The bytes do not follow what is here; facts say from where to go on.
    """

    code = "attachment_wrong_offset"
    message = "These bytes are here already, or others are missing before them."
    status = 409


class AttachmentTooLong(Refusal):
    """
    More bytes came than the tablet said there would be.
    """

    code = "attachment_too_long"
    message = "More came than was said. Nothing of it was kept."
    status = 413


class AttachmentHashWrong(Refusal):
    """
    All bytes came, and they are not what they were called. They are dropped; the tablet begins again.
    """

    code = "attachment_hash_wrong"
    message = "What came is not what was to come. It is sent again."
    status = 422


class AttachmentsUnfinished(Refusal):
    """
    This tablet has begun more than it may leave unfinished; facts say how many bytes.
    """

    code = "attachments_unfinished"
    message = "Too many photos of this tablet are half sent. They are finished first."


class AttachmentBusy(Refusal):
    """
    Everything is here, and a picture of somebody else is being looked at: ask again in a moment.
    """

    code = "attachment_busy"
    message = "The photo is here and has not been looked at yet."
    status = 503


class InstallationElsewhere(Refusal):
    """
    This store belongs to a tablet of another agency.
    """

    code = "installation_elsewhere"
    message = "This tablet's queue belongs to another agency. A supervisor sees what it holds."


class PurgeOrdered(Refusal):
    """
    This store is over: what it holds is taken as a deposit, and nothing comes down to it.
    """

    code = "purge_ordered"
    message = "A supervisor has ordered this tablet to erase itself. They see what it held."


class InvalidEnvelope(Refusal):
    """
    Something about an action, beside its arguments, cannot be read; facts name each field.
    """

    code = "invalid_envelope"
    message = "This could not be understood. A supervisor sees it as it was sent."
    status = 400


class CannotUnseal(Refusal):
    """
    Sealed arguments do not open: made for another key or another action, or changed on the way.
    """

    code = "cannot_unseal"
    message = "This could not be opened. A supervisor sees that it was sent."
    status = 400


class NotSignedOnThen(Refusal):
    """
    The person whose action this says it is was not signed on at this tablet when it happened.
    """

    code = "not_signed_on_then"
    message = "Nobody of that name was signed on here then. A supervisor sees what was sent."
    status = 403


class DependsRefused(Refusal):
    """
    A request that stands on another one, which was not granted; facts name its place.
    """

    code = "depends_refused"
    message = "This stood on a request that was not granted."


class ServerFault(Refusal):
    """
    An action met a fault of ours three times. It is kept whole, and somebody is told.
    """

    code = "server_fault"
    message = "Something went wrong on our side. A supervisor sees what was sent."
    status = 500


class NotUnderstood(Refusal):
    """
    Wraps the refusal that says why an action can neither be done nor be refused: it goes into quarantine.
    """

    code = "not_understood"
    message = "This could not be understood."

    def __init__(self, why: Refusal) -> None:
        super().__init__()
        self.why = why


class TooManyActions(Refusal):
    """
    One exchange carries more actions than the protocol allows; facts say how many it does.
    """

    code = "too_many_actions"
    message = "This is too much at once. Send it in parts."
    status = 413


class ServerBusy(Refusal):
    """
    The server cannot take this now; facts say after how many seconds to come back. Nothing is lost by that.
    """

    code = "server_busy"
    message = "The server is busy. Nothing was lost: the tablet tries again by itself."
    status = 503


class QuarantineNotFound(Refusal):
    """
    There is nothing under this ticket, or it is another agency's: both answer alike.
    """

    code = "quarantine_not_found"
    message = "There is no such ticket."
    status = 404


class QuarantineClosed(Refusal):
    """
    Somebody has dealt with this ticket already; facts say how.
    """

    code = "quarantine_closed"
    message = "Somebody has dealt with this already."
