"""
What was done for people on an assignment: the report, the people met, what was added later.
"""

from typing import NewType

from django.db import models
from django.db.models import Q

from dispatch.models import Assignment
from followups.fields import SealedJSON, SealedText
from followups.models.clients import Client
from followups.models.sealed_row import SealedRow
from followups.refusals.encounters import EncounterNotFound
from journal.locks import lock_row
from responders.models import Agency, Person, Unit


class EncounterState(models.TextChoices):
    """
    A DRAFT is typed on, a SIGNED one is locked, a RETURNED one came back from a supervisor.
    """

    DRAFT = "DRAFT"
    SIGNED = "SIGNED"
    RETURNED = "RETURNED"


LockedEncounter = NewType("LockedEncounter", "Encounter")


class EncounterQuerySet(models.QuerySet["Encounter"]):
    """
    Reports, open and signed.
    """

    def lock(self, encounter_id: int) -> LockedEncounter:
        """
        Lock one report's row until the commit, after calls and units, before clients.

        :raises EncounterNotFound: there is none.
        """
        encounter = lock_row(Encounter, by="pk", value=encounter_id)
        if encounter is None:
            raise EncounterNotFound
        return LockedEncounter(encounter)


class Encounter(SealedRow):
    """
    The report of one assignment. ``key`` is made by the tablet that began it, so that a draft written without signal has
    its name already.

    ``draft`` is what the form holds, whole, at ``revision`` (counted by the tablet): a later revision replaces an earlier
    one. Signing makes ``Met`` rows of it and locks it; what comes later is an addendum.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="encounters")
    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    # The follow-up that this visit was for: its call is of source SECOND_RESPONSE.
    follow_up = models.ForeignKey("FollowUp", on_delete=models.PROTECT, null=True, related_name="encounters")
    state = models.CharField(max_length=10, choices=EncounterState, default=EncounterState.DRAFT)
    revision = models.PositiveIntegerField(default=0)
    draft = SealedJSON(default=dict)
    nobody_found = models.BooleanField(default=False)
    opened_at = models.DateTimeField()
    saved_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="The end of the shift on which it was opened.")
    signed_at = models.DateTimeField(null=True)
    signed_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    # Seconds in which the form was in somebody's hands, as the tablet counted them.
    seconds_spent = models.PositiveIntegerField(default=0)
    notes = SealedText(blank=True)
    returned_at = models.DateTimeField(null=True)
    returned_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    return_note = SealedText(blank=True)
    late_told_at = models.DateTimeField(null=True, help_text="When its author was told that it is overdue.")

    objects = EncounterQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="SIGNED") | Q(signed_at__isnull=False, signed_by__isnull=False),
                name="followups_encounter_signed_by_somebody",
            ),
        ]
        indexes = [
            models.Index(fields=["assignment"], name="followups_encounter_by_held"),
            models.Index(fields=["author"], condition=~Q(state="SIGNED"), name="followups_encounter_open"),
            models.Index(fields=["due_at"], condition=~Q(state="SIGNED"), name="followups_encounter_by_due"),
        ]

    def __str__(self) -> str:
        return f"encounter {self.pk}"


class Met(SealedRow):
    """
    One person met on a signed report. ``body`` holds needs, behaviours, what was done and what came of it as codes of
    ``Choice``, with naloxone, transport, guardian and interpreter where they were: see followups/serializers/encounters.py.
    """

    encounter = models.ForeignKey(Encounter, on_delete=models.CASCADE, related_name="met")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, null=True, related_name="met")
    position = models.PositiveSmallIntegerField()
    body = SealedJSON()
    # From the choices: suicide risk or overdose.
    risk = models.BooleanField(default=False)
    agreed = models.BooleanField(null=True, help_text="To a second response: yes, no, or not asked.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["encounter", "position"], name="followups_met_once_each"),
        ]
        indexes = [models.Index(fields=["client"], name="followups_met_by_client")]

    def __str__(self) -> str:
        return f"person {self.position} of encounter {self.encounter_id}"


class Addendum(SealedRow):
    """
    What was added to a signed report: for good, a trigger refuses to change it.
    """

    encounter = models.ForeignKey(Encounter, on_delete=models.CASCADE, related_name="addenda")
    text = SealedText()
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"addendum to encounter {self.encounter_id}"


class MandatedReport(SealedRow):
    """
    A report of abuse or neglect that the law asks for, within 48 hours (RCW 26.44.030; RCW 74.34.035 for vulnerable adults).
    """

    encounter = models.ForeignKey(Encounter, on_delete=models.PROTECT, related_name="mandated")
    met = models.PositiveSmallIntegerField(help_text="Position of the person met.")
    about = SealedText()
    due_at = models.DateTimeField()
    made_at = models.DateTimeField(null=True)
    made_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    made_to = models.CharField(max_length=60, blank=True, help_text="A code of MANDATED_TO.")
    number = SealedText(blank=True)
    told_at = models.DateTimeField(null=True, help_text="When supervisors were told that it is nearly due.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["encounter", "met"], name="followups_mandated_once_each"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(made_at__isnull=True), name="followups_mandated_by_due"),
        ]

    def __str__(self) -> str:
        return f"mandated report of encounter {self.encounter_id}"
