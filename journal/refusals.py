"""
The shape of every anticipated no, and the journal's own catalogue of them.
"""

from typing import Any, ClassVar


class Refusal(Exception):
    """
    An anticipated no, with a stable code, a sentence for the screen and facts.

    Subclasses live in the ``refusals.py`` of the app that says no.
    """

    code: ClassVar[str]
    message: ClassVar[str]
    status: ClassVar[int] = 409

    def __init__(self, **facts: Any) -> None:
        super().__init__(self.code)
        self.facts = facts

    def as_dict(self) -> dict[str, Any]:
        """
        Return the refusal as it goes over the wire.
        """
        return {"code": self.code, "message": self.message, "facts": self.facts}


class ActionIdReused(Refusal):
    """
    An action id came back with another actor, kind or arguments than before.
    """

    code = "action_id_reused"
    message = "This request was already used for something else. Nothing was changed."
    status = 422


class AnswerLost(Refusal):
    """
    An action was answered with a no before, and the seal of that answer is broken.
    """

    code = "answer_lost"
    message = "This request was answered before, and the answer can no longer be read. Nothing was changed now."


class InvalidArgs(Refusal):
    """
    The arguments of an action could not be understood; facts name each field.
    """

    code = "invalid_args"
    message = "Something in this request could not be understood. Nothing was changed."
    status = 400


class NotAllowed(Refusal):
    """
    The actor's roles do not include this action.
    """

    code = "not_allowed"
    message = "You may not do this."
    status = 403


class NotFound(Refusal):
    """
    There is no such thing, or it is not the actor's to see: both answer alike.
    """

    code = "not_found"
    message = "There is no such thing, or it is not yours to see."
    status = 404


class UnknownKind(Refusal):
    """
    No app has declared this kind of action at this version.
    """

    code = "unknown_kind"
    message = "This version of CARE Field does not know that action."
    status = 404


class UnknownVersion(Refusal):
    """
    The kind of action is known, and this version of it never was.
    """

    code = "unknown_version"
    message = "This version of CARE Field does not know that version of the action."
    status = 404
