"""
Sealed fields: unreadable in the table, bound to their row and column, and plain where a model is used.
"""

from datetime import UTC, datetime
from typing import Any, ClassVar, Self
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.core import serializers
from django.core.exceptions import FieldError
from django.db import connection, models, transaction
from django.db.models import Value
from django.test.utils import isolate_apps

from followups.fields import Sealed, SealedInstant, SealedJSON, SealedText, SealedYesNo, sealed_fields
from followups.models.sealed_row import SealedRow
from journal.sealing import SealBroken, is_sealed

pytestmark = pytest.mark.django_db

CANARY = "CANARY-6190"

with isolate_apps("journal"):

    class Sheet(SealedRow):
        number = models.IntegerField(default=0)
        text = SealedText(blank=True)
        other = SealedText(null=True)
        data = SealedJSON(default=dict)
        yes = SealedYesNo(default=False)
        when = SealedInstant(null=True)

        objects: ClassVar[models.Manager[Self]] = models.Manager()

        class Meta:
            app_label = "journal"
            db_table = "followups_tests_sheet"


@pytest.fixture(autouse=True)
def table(db: None) -> None:
    # Undone with the test's transaction.
    with connection.schema_editor() as editor:
        editor.create_model(Sheet)


def kept(sheet: Sheet) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT text, other, data, yes FROM followups_tests_sheet WHERE id = %s", [sheet.pk])
        return dict(zip(("text", "other", "data", "yes"), cursor.fetchone(), strict=True))


def put(sheet: Sheet, column: str, sealed: str) -> None:
    assert column in {"text", "other", "data"}
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE followups_tests_sheet SET {column} = %s WHERE id = %s",  # noqa: S608  one of three
            [sealed, sheet.pk],
        )


def fresh(sheet: Sheet) -> Sheet:
    return Sheet.objects.get(pk=sheet.pk)


def test_the_table_holds_no_word_and_the_model_all() -> None:
    sheet = Sheet.objects.create(text=CANARY, other=f"{CANARY} ü", data={"words": [CANARY, 3, None]})

    assert all(is_sealed(value) and CANARY not in value for value in kept(sheet).values())
    for read in (sheet, fresh(sheet), Sheet.objects.only("id").get(), Sheet.objects.defer("data").get()):
        assert (read.text, read.other, read.data) == (CANARY, f"{CANARY} ü", {"words": [CANARY, 3, None]})


def test_nothing_is_null_and_an_empty_text_is_sealed() -> None:
    sheet = Sheet.objects.create()

    assert kept(sheet)["other"] is None
    assert is_sealed(kept(sheet)["text"])
    assert (fresh(sheet).text, fresh(sheet).other, fresh(sheet).data) == ("", None, {})
    assert Sheet.objects.filter(other__isnull=True).count() == 1


def test_yes_is_no_longer_than_no_and_no_instant_than_another() -> None:
    # Midnight at the end of a day, and a moment to the microsecond in another zone.
    moments = [
        datetime(2026, 6, 5, 7, tzinfo=UTC),
        datetime(2026, 6, 4, 12, 0, 0, 120, ZoneInfo("America/Los_Angeles")),
    ]
    sheets = [Sheet.objects.create(yes=yes, when=when) for yes in (False, True) for when in moments]

    read = [(fresh(sheet).yes, fresh(sheet).when) for sheet in sheets]

    assert read == [(yes, when) for yes in (False, True) for when in moments]
    with connection.cursor() as cursor:
        cursor.execute('SELECT DISTINCT length(yes), length("when") FROM followups_tests_sheet')
        assert len(cursor.fetchall()) == 1
    changed = fresh(sheets[0])
    changed.yes = True
    changed.save(update_fields=["yes"])
    assert fresh(changed).yes is True


def test_a_value_is_opened_only_when_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = Sheet.objects.create(text=CANARY)
    put(sheet, "text", "§gone.AAAA")

    read = fresh(sheet)

    assert read.number == 0
    with pytest.raises(SealBroken):
        _ = read.text


def test_what_did_not_change_is_not_sealed_anew() -> None:
    sheet = Sheet.objects.create(text="a", other="b", data={"c": [1]})
    first = kept(sheet)

    sheet.save()
    read = fresh(sheet)
    read.number = 5
    read.save()
    assert kept(sheet) == first

    read = fresh(sheet)
    assert (read.text, read.data) == ("a", {"c": [1]})
    read.text = "a"
    read.data = {"c": [1]}
    read.save()
    assert kept(sheet) == first

    read.data["c"].append(2)
    read.save(update_fields=["data"])
    assert {name for name, value in kept(sheet).items() if value != first[name]} == {"data"}
    assert fresh(sheet).data == {"c": [1, 2]}


def test_a_value_that_was_changed_back_and_forth_is_what_it_is() -> None:
    sheet = fresh(Sheet.objects.create(text="a"))

    for text in ("b", "a", "b"):
        sheet.text = text
        sheet.save()
        assert fresh(sheet).text == text


def test_bulk_create_seals_each_row_for_itself() -> None:
    sheets = Sheet.objects.bulk_create(Sheet(text=f"{CANARY} {n}", number=n) for n in range(3))

    assert [sheet.text for sheet in Sheet.objects.order_by("number")] == [f"{CANARY} {n}" for n in range(3)]
    assert not any(CANARY in kept(sheet)["text"] for sheet in sheets)


def test_a_sealed_value_does_not_open_in_another_row_or_column() -> None:
    first, second = Sheet.objects.create(text="first", other="x"), Sheet.objects.create(text="second", other="y")
    put(second, "text", kept(first)["text"])
    put(second, "other", kept(second)["data"])

    for column in ("text", "other"):
        with pytest.raises(SealBroken):
            getattr(fresh(second), column)
    assert fresh(first).text == "first"


def test_a_plain_value_that_somebody_wrote_into_the_table_is_no_value() -> None:
    sheet = Sheet.objects.create(text="a")
    put(sheet, "text", "written by hand")

    with pytest.raises(SealBroken):
        _ = fresh(sheet).text


def test_a_copy_of_a_row_is_sealed_under_its_own_key() -> None:
    copy = fresh(Sheet.objects.create(text=CANARY))
    assert (copy.text, copy.other, copy.data, copy.yes, copy.when) == (CANARY, None, {}, False, None)
    copy.pk, copy.key = None, uuid4()

    copy.save()

    assert fresh(copy).text == CANARY


def test_a_copy_that_was_never_opened_is_not_written_as_what_nobody_can_open() -> None:
    copy = fresh(Sheet.objects.create(text=CANARY))
    copy.pk, copy.key = None, uuid4()

    with pytest.raises(SealBroken), transaction.atomic():
        copy.save()


@pytest.mark.parametrize(
    "ask",
    [
        lambda rows: rows.update(text="plain"),
        lambda rows: rows.update(text=Value("plain", output_field=SealedText())),
        lambda rows: rows.filter(text="plain"),
        lambda rows: rows.filter(text__contains="plain"),
        lambda rows: rows.filter(data={"a": 1}),
        lambda rows: rows.filter(other=None),
        lambda rows: rows.exclude(text=""),
        lambda rows: rows.bulk_update([*rows.all()], ["text"]),
        lambda rows: rows.filter(text__length=1),
        lambda rows: rows.filter(yes=True),
        lambda rows: rows.update(yes=True),
    ],
)
def test_what_would_need_the_words_in_the_database_says_that_it_cannot(ask: Any) -> None:
    Sheet.objects.create(text="a")

    with pytest.raises(FieldError, match="sealed"), transaction.atomic():
        ask(Sheet.objects.all())


def test_values_are_sealed_and_no_row_is_dumped_in_the_clear() -> None:
    sheet = Sheet.objects.create(text=CANARY)

    (value,) = Sheet.objects.values_list("text", flat=True)
    assert isinstance(value, Sealed)
    assert CANARY not in value
    with pytest.raises(FieldError, match="dumped"):
        serializers.serialize("json", [sheet])


def test_the_fields_of_a_model_that_are_sealed_are_known() -> None:
    assert [field.name for field in sealed_fields(Sheet)] == ["text", "other", "data", "yes", "when"]
    assert SealedText().deconstruct()[1] == "followups.fields.SealedText"
