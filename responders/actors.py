"""
Who asks: a person at a page, a responder at a tablet, a CAD system, somebody who refers with a key, or the system itself.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Actor:
    """
    The bearer of one request, as the doors and the rules see it.

    ``str(actor)`` is what rows and entries keep; ``label`` is what screens show.
    """

    agency_id: int
    label: str
    roles: frozenset[str] = field(default_factory=frozenset)
    person_id: int | None = None
    unit_id: int | None = None
    shift_id: int | None = None
    tablet_id: int | None = None
    cad_key_id: int | None = None
    intake_key_id: int | None = None
    # What the person's access was when the request was let in; the door compares it again under the row's lock.
    access_epoch: int | None = None

    # What Django's and DRF's machinery asks of `request.user`.
    is_authenticated = True
    is_active = True
    is_anonymous = False

    @property
    def pk(self) -> str:
        """
        Return the key that throttles and logs count by.
        """
        return str(self)

    def has(self, *roles: str) -> bool:
        """
        Tell whether the actor has at least one of these roles.
        """
        return not self.roles.isdisjoint(roles)

    @property
    def at_desk(self) -> bool:
        """
        Tell whether the actor may do at the desk what a crew asks for by radio.
        """
        return self.tablet_id is None and self.has("DISPATCHER", "EMBEDDED", "SUPERVISOR")

    def __str__(self) -> str:
        if self.cad_key_id is not None:
            return f"cad:{self.cad_key_id}"
        if self.intake_key_id is not None:
            return f"intake:{self.intake_key_id}"
        if self.tablet_id is not None:
            return f"tablet:{self.tablet_id}/person:{self.person_id}"
        return f"person:{self.person_id}"
