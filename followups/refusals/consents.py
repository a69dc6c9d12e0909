"""
The anticipated noes about consents and disclosures. Codes never change their meaning.
"""

from journal.refusals import Refusal


class ConsentNotFound(Refusal):
    """
    There is no such consent of this person.
    """

    code = "consent_not_found"
    message = "There is no such consent."
    status = 404


class ConsentIncomplete(Refusal):
    """
    An element that 42 CFR 2.31(a) asks for is missing; facts name each.
    """

    code = "consent_incomplete"
    message = "A consent needs every element of 42 CFR 2.31."


class ConsentDatesWrong(Refusal):
    """
    A consent would be signed in the future, or end before it began.
    """

    code = "consent_dates_wrong"
    message = "A consent is signed today or earlier, and ends after that."


class ConsentOver(Refusal):
    """
    A consent was revoked, has expired, or the event upon which it ends has happened.
    """

    code = "consent_over"
    message = "This consent no longer holds."


class DisclosureNeedsConsent(Refusal):
    """
    Nothing leaves on the ground of a consent without naming it.
    """

    code = "disclosure_needs_consent"
    message = "Without a consent nothing may be disclosed."


class DisclosureOutsideConsent(Refusal):
    """
    The recipient or the purpose is another than the consent names.
    """

    code = "disclosure_outside_consent"
    message = "The consent names another recipient or another purpose."


class DisclosureToAnother(Refusal):
    """
    What goes to the person goes to nobody else: another recipient needs another ground.
    """

    code = "disclosure_to_another"
    message = "This ground is for a copy to the person alone. Somebody else needs another ground."


class DisclosureTooWide(Refusal):
    """
    The ground on which this is disclosed does not cover these parts of the record.
    """

    code = "disclosure_too_wide"
    message = "This may not be disclosed on that ground."


class DisclosureIncomplete(Refusal):
    """
    A disclosure without consent says to whom and why.
    """

    code = "disclosure_incomplete"
    message = "Say to whom this goes, and why."
