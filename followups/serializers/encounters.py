"""
What the kinds of encounter reports take.

A report's body has one shape for drafts and for what is signed. What is missing in it is its empty value, so that a form that
has hardly begun can be kept; what it does not know is refused. Whether a code is a choice of the agency is asked when it is
signed (followups/rules/encounters.py).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any, Final

from rest_framework import serializers

from dispatch.intake_serializers import Choice, Text, Whole, Yes
from dispatch.models import Assignment
from followups.models import MaySay, WayKind
from journal.bodies import no_unknown_keys

NALOXONE_OUTCOMES: Final = ["RECOVERED", "NO_RESPONSE", "EMS_TOOK_OVER", "REFUSED"]
LEFT_TO: Final = ["HOME", "HOSPITAL", "CUSTODY", "SHELTER", "STREET", "OTHER"]
FOLLOW_UP: Final = ["YES", "NO", "NOT_ASKED"]
# Words of a crew about a person; whoever has more to say adds it.
LONG: Final = 8000
SHORT: Final = 400
PEOPLE: Final = 20
# A caution that nobody looks at again is a rumour; dispatch keeps none longer than a year.
CAUTION_DAYS: Final = 365
# A whole day: what a tablet counts as seconds with the form cannot be more.
SECONDS: Final = 86_400


class Strict(serializers.Serializer[Any]):
    """
    An object inside of a body: a key that it does not know is refused with its name, as at the top.
    """

    def to_internal_value(self, data: Any) -> Any:
        """
        Return what it says.

        :raises ValidationError: it cannot be understood.
        """
        if isinstance(data, Mapping):
            no_unknown_keys(data, self)
        return super().to_internal_value(data)


class _Instant(serializers.DateTimeField):
    """
    An instant, kept as text: bodies are JSON.
    """

    def to_internal_value(self, value: Any) -> Any:
        instant: datetime = super().to_internal_value(value)
        return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


class _Hour(serializers.TimeField):
    """
    A time of the day, kept as ``HH:MM``.
    """

    def to_internal_value(self, value: Any) -> Any:
        hour: time = super().to_internal_value(value)
        return f"{hour:%H:%M}"


class _Code(serializers.RegexField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(r"\A[A-Z][A-Z0-9_]{0,59}\Z", **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class _Codes(serializers.ListField):
    def __init__(self) -> None:
        super().__init__(child=_Code(), max_length=40, required=False, default=list)

    def to_internal_value(self, data: Any) -> Any:
        # Tapped twice is chosen once; the order is the crew's.
        return list(dict.fromkeys(super().to_internal_value(data)))


def _text(longest: int = SHORT) -> Text:
    return Text(max_length=longest, required=False, allow_blank=True, default="")


def _code() -> _Code:
    return _Code(required=False, allow_blank=True, default="")


def _yes() -> Yes:
    return Yes(required=False, default=False)


def _one_of(*values: str, default: str = "") -> Choice:
    return Choice(choices=values, required=False, allow_blank=not default, default=default)


class NewClient(Strict):
    """
    Somebody of whom there is no record yet, as far as the crew knows.
    """

    known_as = _one_of("UNKNOWN", "DESCRIBED", "NAMED", default="UNKNOWN")
    name = _text(200)
    aliases = serializers.ListField(child=Text(max_length=200), max_length=20, required=False, default=list)
    looks = _text(1000)
    born_on = serializers.RegexField(
        r"\A\d{4}(-\d{2}(-\d{2})?)?\Z",
        required=False,
        allow_blank=True,
        default="",
        help_text="ISO 8601 date; a year alone, or year and month, where that is all.",
    )
    language = _text(35)
    phone = _text(40)


class WhichClient(Strict):
    """
    Whose record: one that there is, or a new one.
    """

    id = Whole(min_value=1, required=False, allow_null=True, default=None)
    new = NewClient(required=False, allow_null=True, default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """
        Ask for one of the two, and return that one alone.
        """
        if (attrs["id"] is None) == (attrs["new"] is None):
            raise serializers.ValidationError({"id": ["Name a record, or say who the new one is."]})
        return {name: value for name, value in attrs.items() if value is not None}


class Naloxone(Strict):
    """
    How often it was given, and what came of it.
    """

    doses = Whole(min_value=0, max_value=50, required=False, default=0)
    outcome = _one_of(*NALOXONE_OUTCOMES)


class Transport(Strict):
    """
    Where the crew took somebody; for a minor without a guardian, whether a supervisor had said yes.
    """

    destination = _code()
    where = _text(200)
    supervisor_said_yes = Yes(required=False, allow_null=True, default=None)


class Interpreter(Strict):
    """
    Whether somebody interpreted, and which language (BCP 47).
    """

    used = _yes()
    language = _text(35)


class Minor(Strict):
    """
    Somebody under 18: whose child, who was told, and whether they agreed themselves (from 13 on, RCW 71.34.530).
    """

    age = Whole(min_value=0, max_value=17, required=False, allow_null=True, default=None)
    guardian = _text(200)
    guardian_there = _yes()
    guardian_told = _yes()
    own_consent = _yes()


class Mandated(Strict):
    """
    A report of abuse or neglect that the law asks for, and whether it was made already (RCW 26.44.030, 74.34.035).
    """

    about = _text(LONG)
    made_to = _code()
    made_at = _Instant(required=False, allow_null=True, default=None)
    number = _text(60)


class Referred(Strict):
    """
    A referral to a service: of the directory, or in words.
    """

    position = Whole(min_value=0, max_value=99, required=False, allow_null=True, default=None)
    resource = Whole(min_value=1, required=False, allow_null=True, default=None)
    to = _text(200)
    need = _code()
    warm = _yes()
    declined = _yes()


class SafeContact(Strict):
    """
    Where and when somebody may be reached, and what may be said to whoever answers.
    """

    kind = _one_of(*WayKind.values)
    value = _text(200)
    may_say = _one_of(*MaySay.values, default=MaySay.NOTHING.value)
    leave_message = _yes()
    hours_from = _Hour(required=False, allow_null=True, default=None)
    hours_until = _Hour(required=False, allow_null=True, default=None)


class Expected(Strict):
    """
    What a crew should expect of somebody for so many days: behaviour, never a diagnosis.
    """

    text = _text(200)
    days = Whole(min_value=1, max_value=CAUTION_DAYS, required=False, default=30)


def _numbered(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """
    Return entries in the order of their positions; one without is where it stands.
    """
    for place, entry in enumerate(entries):
        if entry["position"] is None:
            entry["position"] = place
    if len({entry["position"] for entry in entries}) != len(entries):
        raise serializers.ValidationError({"position": ["Two of them have one position."]})
    return sorted(entries, key=lambda entry: int(entry["position"]))


def _next() -> Whole:
    # What stands there says where to go on: said, and kept, only where the last one was taken off. Then its position is not
    # given again, and what was signed under it stays what it was.
    return Whole(min_value=0, max_value=100, required=False, help_text="The first position that was never given.")


def _inside(shape: type[Strict]) -> Strict:
    return shape(required=False, allow_null=True, default=None)


class PersonMet(Strict):
    """
    One person met.
    """

    position = Whole(min_value=0, max_value=99, required=False, allow_null=True, default=None)
    client = _inside(WhichClient)
    needs = _Codes()
    behaviours = _Codes()
    done = _Codes()
    supplies = _Codes()
    naloxone = _inside(Naloxone)
    transport = _inside(Transport)
    outcomes = _Codes()
    interpreter = _inside(Interpreter)
    minor = _inside(Minor)
    mandated = _inside(Mandated)
    referrals: serializers.ListSerializer[Any] = serializers.ListSerializer(
        child=Referred(), required=False, default=list, max_length=20
    )
    next = _next()
    follow_up = _one_of(*FOLLOW_UP, default="NOT_ASKED")
    safe_contact = _inside(SafeContact)
    cautions: serializers.ListSerializer[Any] = serializers.ListSerializer(
        child=Expected(), required=False, default=list, max_length=10
    )
    left_to = _one_of(*LEFT_TO)

    def validate_referrals(self, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """
        Number them.
        """
        return _numbered(value)


class ReportBody(Strict):
    """
    What a report says, begun or whole.
    """

    nobody_found = _yes()
    notes = _text(LONG)
    met: serializers.ListSerializer[Any] = serializers.ListSerializer(
        child=PersonMet(), required=False, default=list, max_length=PEOPLE
    )
    next = _next()

    def validate_met(self, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """
        Number them.
        """
        return _numbered(value)


class _OfReport(serializers.Serializer[Any]):
    """
    A report by its key, and the assignment that it is of: by its id or, before a tablet has heard of that, by the key of the
    encounter that it came upon.
    """

    encounter = serializers.UUIDField(source="key", help_text="Made by the tablet that begins the report.")
    assignment = Whole(min_value=1, source="assignment_id", required=False, allow_null=True, default=None)
    on_view = serializers.UUIDField(required=False, allow_null=True, default=None)
    assignment_is_needed = True

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """
        Find the assignment of what a crew came upon. Whether it is theirs is for the action to see.
        """
        on_view = attrs.pop("on_view")
        given = [value for value in (on_view, attrs["assignment_id"]) if value is not None]
        if len(given) > 1 or (self.assignment_is_needed and not given):
            raise serializers.ValidationError({"assignment": ["Name an assignment, or the encounter by its key."]})
        if on_view is not None:
            made = Assignment.objects.filter(call__on_view_key=on_view).order_by("pk").values_list("pk", flat=True)
            if (first := made.first()) is None:
                raise serializers.ValidationError({"on_view": ["No encounter of this key has come in."]})
            attrs["assignment_id"] = first
        return attrs


class SaveArgs(_OfReport):
    """
    A report as the form holds it, whole; a later revision replaces an earlier one.
    """

    revision = Whole(min_value=1, max_value=2**31 - 1)
    seconds = Whole(min_value=0, max_value=SECONDS, required=False, default=0)
    body = ReportBody()


class AddendumArgs(_OfReport):
    """
    What is added to a report. With the assignment it may come before anything else of the report has.
    """

    text = Text(max_length=LONG)
    assignment_is_needed = False


class EncounterArgs(serializers.Serializer[Any]):
    """
    A report.
    """

    encounter = serializers.UUIDField(source="key")


class ReportNoteArgs(EncounterArgs):
    """
    A report, and why.
    """

    note = Text(max_length=2000)


class ReportMadeArgs(EncounterArgs):
    """
    That a report which the law asks for was made: about which person of the encounter, to whom, when, and its number there.
    """

    met = Whole(min_value=0, max_value=99, source="position")
    made_to = _Code()
    made_at = serializers.DateTimeField()
    number = _text(60)
