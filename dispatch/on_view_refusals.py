"""
The anticipated noes about what crews came upon.
"""

from journal.refusals import Refusal


class NotOnView(Refusal):
    """
    Only what a crew came upon has a number of our own, and can turn out to be another call.
    """

    code = "not_on_view"
    message = "This is no on-view encounter."


class LinkedOtherwise(Refusal):
    """
    CAD has given it another number already; facts say which (``number``).
    """

    code = "linked_otherwise"
    message = "CAD has another number for this encounter already."


class NumberTaken(Refusal):
    """
    Another call has this number; facts say which (``call``).
    """

    code = "number_taken"
    message = "Another call has this number. If they are the same, join them."
