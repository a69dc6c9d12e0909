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


class ClientPartNotFound(Refusal):
    """
    There is no such name, way, strategy, caution, care plan or contact, or it is not the actor's to read.
    """

    code = "client_part_not_found"
    message = "There is no such entry in a record."
    status = 404


class ClientPartEnded(Refusal):
    """
    What should be ended or approved has ended already.
    """

    code = "client_part_ended"
    message = "This has ended already."


class StrategiesDiffer(Refusal):
    """
    The order that was given is not of all strategies of that kind: somebody else added or ended one meanwhile.
    """

    code = "strategies_differ"
    message = "The list has changed meanwhile. Look at it again."


class NotANumber(Refusal):
    """
    What was given as a phone number has no digits to be found by.
    """

    code = "not_a_number"
    message = "This is not a phone number."


class ShelterNeverToldWhy(Refusal):
    """
    At a shelter the reason of a visit is never disclosed.
    """

    code = "shelter_never_told_why"
    message = "At a shelter the reason is never disclosed. Choose something else that may be said."


class CautionTooLong(Refusal):
    """
    A caution would end before now, or after more than a year: a warning that nobody looks at again is a rumour.
    """

    code = "caution_too_long"
    message = "A caution ends after now, and within a year."


class OwnCarePlan(Refusal):
    """
    Whoever wrote a care plan may not approve it.
    """

    code = "own_care_plan"
    message = "Somebody else than its author approves a care plan."


class ReviewInThePast(Refusal):
    """
    A care plan would have to be reviewed before it is written, or later than after a year.
    """

    code = "review_in_the_past"
    message = "The review date must be after today, and within a year."


class DeathNotSaid(Refusal):
    """
    Nobody has said that this person died: there is nothing to confirm or to take back.
    """

    code = "death_not_said"
    message = "Nobody has said that this person has died."


class DeathSaidBySame(Refusal):
    """
    Whoever said that somebody died may not confirm it.
    """

    code = "death_said_by_same"
    message = "Somebody else than the one who said it confirms a death."


class MergeWithItself(Refusal):
    """
    Both records are one already.
    """

    code = "merge_with_itself"
    message = "These are one record already."


class MergeOfDeathDiffers(Refusal):
    """
    One of two records says that the person died, the other does not: that is settled first.
    """

    code = "merge_of_death_differs"
    message = "One record says that the person has died and the other does not. Settle that first."


class MergeNotFound(Refusal):
    """
    There is no such merge, or it is of another agency.
    """

    code = "merge_not_found"
    message = "There is no such merge."
    status = 404


class MergeUndone(Refusal):
    """
    A merge was taken back already.
    """

    code = "merge_undone"
    message = "This merge was taken back already."


class MergeNotLast(Refusal):
    """
    The record that was kept was merged into another since: that merge is taken back first.
    """

    code = "merge_not_last"
    message = "The record that was kept was merged into another since. Take that back first."


class BreakGlassNotFound(Refusal):
    """
    There is no such break-glass, or it is of another agency.
    """

    code = "break_glass_not_found"
    message = "There is no such opening of a record."
    status = 404


class BreakGlassOwn(Refusal):
    """
    Whoever broke the glass may not be the supervisor who takes notice of it.
    """

    code = "break_glass_own"
    message = "Another supervisor takes notice of this."


class PersonNeeded(Refusal):
    """
    This is asked of somebody with a name: a key or a sweep cannot answer for it.
    """

    code = "person_needed"
    message = "Only a person can do this."
    status = 403
