"""
What was done for people on an assignment: the report, the people met, what was added later.
"""

from typing import NewType

from django.db import models
from django.db.models import Q

from dispatch.models import Assignment
from followups.fields import SealedJSON, SealedText, SealedYesNo
from followups.models.clients import Client
from followups.models.sealed_row import SealedRow
from followups.refusals.encounters import EncounterNotFound
from journal.locks import lock_row
from responders.models import Agency, Person, Unit


class EncounterState(models.TextChoices):
    """
    A DRAFT is typed on, a SIGNED one is locked, a RETURNED one came back from a supervisor. An EXCUSED one is a draft that
    nobody owes any more: the partner wrote the report.
    """

    DRAFT = "DRAFT"
    SIGNED = "SIGNED"
    RETURNED = "RETURNED"
    EXCUSED = "EXCUSED"


# What its author still has to sign.
OWED = (EncounterState.DRAFT, EncounterState.RETURNED)


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
    one. Signing makes ``Met`` rows of it and locks it; what comes later is an addendum. ``Signing`` keeps what was signed,
    each time.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="encounters")
    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    # The follow-up that this visit was for: its call is of source SECOND_RESPONSE.
    follow_up = models.ForeignKey("FollowUp", on_delete=models.PROTECT, null=True, related_name="encounters")
    # Copies of the call's: what its author is shown of it stands under this row's lock.
    what = models.CharField(max_length=100, help_text="The label of the call's type.")
    address = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=EncounterState, default=EncounterState.DRAFT)
    revision = models.PositiveIntegerField(default=0)
    # Nothing up to it counts any more: the newest that was known when it was signed.
    signed_revision = models.PositiveIntegerField(default=0)
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
    late_told_at = models.DateTimeField(
        null=True, help_text="When author and supervisors were told that it is overdue."
    )
    # Something of it is a supervisor's to look at (followups/rules/encounters.py says what), until one has.
    to_check = models.BooleanField(default=False)
    checked_at = models.DateTimeField(null=True)
    checked_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")

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
            models.Index(
                fields=["agency", "author"],
                condition=Q(state__in=["DRAFT", "RETURNED"]),
                name="followups_encounter_open",
            ),
            # What the sweep looks for: its cost follows what is due, not what there is.
            models.Index(
                fields=["due_at"],
                condition=Q(state__in=["DRAFT", "RETURNED"], late_told_at__isnull=True),
                name="followups_encounter_by_due",
            ),
            models.Index(fields=["agency"], condition=Q(to_check=True), name="followups_encounter_to_check"),
            models.Index(fields=["agency", "signed_at"], name="followups_encounter_by_signed"),
        ]

    def __str__(self) -> str:
        return f"encounter {self.pk}"


class Signing(SealedRow):
    """
    What an author signed, word for word: a report that came back and was signed again has one for each time.
    """

    encounter = models.ForeignKey(Encounter, on_delete=models.PROTECT, related_name="signings")
    revision = models.PositiveIntegerField()
    body = SealedJSON()
    at = models.DateTimeField()
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["encounter", "revision"], name="followups_signing_once"),
        ]

    def __str__(self) -> str:
        return f"signing of encounter {self.encounter_id}"


class Overtaken(SealedRow):
    """
    What was typed on another device and overtaken, whole: kept for a supervisor, and in no document.

    ``by`` is the tablet that typed it, with whom on it, ``base`` the revision that counted when it came. What one tablet types on
    one base holds what it typed there before: of that the latest is kept.
    """

    encounter = models.ForeignKey(Encounter, on_delete=models.PROTECT, related_name="overtaken")
    by = models.CharField(max_length=100)
    base = models.PositiveIntegerField()
    revision = models.PositiveIntegerField()
    body = SealedJSON()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["encounter", "by", "base"], name="followups_overtaken_once_each"),
        ]

    def __str__(self) -> str:
        return f"overtaken draft of encounter {self.encounter_id}"


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
    risk = SealedYesNo(default=False)
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
            models.Index(
                fields=["due_at"],
                condition=Q(made_at__isnull=True, told_at__isnull=True),
                name="followups_mandated_by_due",
            ),
        ]

    def __str__(self) -> str:
        return f"mandated report of encounter {self.encounter_id}"
