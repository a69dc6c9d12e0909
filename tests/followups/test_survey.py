"""
The survey: each card once, nothing that leads to anybody, and no answers of few.
"""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Barrier
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

from followups.actions import surveys
from followups.models import Programme, SurveyAnswer, SurveyCode, SurveyPeriod
from followups.queries.surveys import Period, said
from followups.refusals.surveys import SurveyCodeNotFound, SurveyCodeUsed
from followups.survey import QUESTIONS, SCORES, TEXTS, code_hash, language, new_code
from followups.survey_pages import RATE
from followups.sweeps import surveys as sweeps
from journal.door import open_door
from journal.models import Entry
from responders.models import Agency
from tests.conftest import NOON
from tests.factories import responders
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db(transaction=True)

SCENE = responders.SCENE
LATER = datetime(2026, 9, 3, 19, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _uncounted(settings: Settings) -> None:
    # Each test counts the requests of an address from none.
    settings.RATE_LIMIT_PREFIX = f"survey-{uuid4()}"


@pytest.fixture
def agency() -> Agency:
    return responders.agency()


def printed(of: Agency, count: int = 1) -> list[str]:
    """
    Return codes of new cards.
    """
    with open_door(by=SCENE, at=NOON):
        return surveys.print_codes(agency_id=of.pk, count=count, by=SCENE, at=NOON)


def answered(
    of: Agency, month: date, count: int, *, tag: str = "en", answers: Sequence[int] = (5, 4, 3, 2, 1)
) -> None:
    """
    Have so many people answered in a month.
    """
    SurveyAnswer.objects.bulk_create(
        SurveyAnswer(id=uuid4(), agency=of, month=month, language=tag, answers=list(answers)) for _ in range(count)
    )


def shown(of: Agency, *, at: datetime = LATER) -> list[Period]:
    """
    Return what the page shows after a sweep.
    """
    sweeps.make_periods(at=at)
    return said(of.pk).periods


def test_every_language_has_every_sentence() -> None:
    for text in TEXTS.values():
        assert len(text.questions) == QUESTIONS
        assert len(text.scores) == len(SCORES)
        assert all(getattr(text, name) for name in text.__slots__)


@pytest.mark.parametrize(
    ("asked", "accepted", "tag"),
    [
        ("", "", "en"),
        ("", "es-MX,es;q=0.9,en;q=0.8", "es"),
        ("", "zh-TW,zh;q=0.9", "zh-Hant"),
        ("", "tlh,vi;q=0.5", "vi"),
        ("es", "vi", "es"),
        ("tlh", "fr", "en"),
    ],
)
def test_the_page_speaks_the_language_that_is_asked_for(asked: str, accepted: str, tag: str) -> None:
    assert language(asked, accepted) == tag


def test_a_code_is_known_however_it_is_typed_and_only_its_hash_is_kept(agency: Agency) -> None:
    [code] = printed(agency)

    assert re.fullmatch(r"[2-9A-Z]{4}(-[2-9A-Z]{4}){2}", code)
    assert code_hash(f" {code.lower().replace('-', ' ')} ") == code_hash(code)
    assert bytes(SurveyCode.objects.get().code_hash) == code_hash(code)
    assert not any(letter in code for letter in "0O1IL")
    assert len({new_code() for _ in range(1000)}) == 1000


def test_somebody_answers_on_a_phone_without_an_account(agency: Agency) -> None:
    [code] = printed(agency)
    phone = Client(enforce_csrf_checks=True)
    page = phone.get(f"/say/{code}/", headers={"accept-language": "es"})
    token = phone.cookies["csrf"].value

    sent = phone.post(
        f"/say/{code}/",
        {"language": "es", "q1": "5", "q2": "4", "q3": "0", "q5": "1", "csrfmiddlewaretoken": token},
    )

    assert "El equipo me trató con respeto." in page.content.decode()
    assert 'lang="es"' in page.content.decode()
    assert TEXTS["es"].thanks in sent.content.decode()
    row = SurveyAnswer.objects.get()
    assert (row.answers, row.language, row.month, row.agency_id) == ([5, 4, 0, 0, 1], "es", row.month, agency.pk)
    assert row.month.day == 1
    # No cookie but the one against forged forms, nothing to be found by a search engine, and nobody's session.
    assert set(phone.cookies) == {"csrf"}
    assert page["X-Robots-Tag"] == "noindex, nofollow"
    assert 'name="robots" content="noindex, nofollow"' in page.content.decode()


def test_a_form_from_elsewhere_is_refused(agency: Agency) -> None:
    [code] = printed(agency)

    answer = Client(enforce_csrf_checks=True).post(f"/say/{code}/", {"q1": "5"})

    assert answer.status_code == 403
    assert not SurveyAnswer.objects.exists()


def test_a_card_counts_once(agency: Agency) -> None:
    [code] = printed(agency)
    phone = Client()

    first, second = (phone.post(f"/say/{code}/", {"language": "en", "q1": "5"}) for _ in range(2))

    assert (first.status_code, second.status_code) == (200, 409)
    assert TEXTS["en"].used in second.content.decode()
    assert TEXTS["en"].used in phone.get(f"/say/{code}/").content.decode()
    assert SurveyAnswer.objects.count() == 1


def test_two_who_send_one_card_at_once_count_once(agency: Agency) -> None:
    [code] = printed(agency)
    together = Barrier(4)

    def send(_: int) -> bool:
        together.wait()
        try:
            with open_door(by="survey", at=NOON):
                surveys.answer(code=code, language="en", answers=[5, 5, 5, 5, 5], at=NOON)
        except SurveyCodeUsed:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        counted = list(pool.map(send, range(4)))

    assert sum(counted) == 1
    assert SurveyAnswer.objects.count() == 1


def test_a_card_that_nobody_printed_is_not_known(agency: Agency) -> None:
    printed(agency)

    assert Client().get("/say/2222-2222-2222/").status_code == 404
    assert Client().post("/say/2222-2222-2222/", {"q1": "5"}).status_code == 404
    with pytest.raises(SurveyCodeNotFound), open_door(by="survey", at=NOON):
        surveys.answer(code="", language="en", answers=[5, 5, 5, 5, 5], at=NOON)


def test_no_answer_at_all_leaves_the_card_as_it_was(agency: Agency) -> None:
    [code] = printed(agency)

    page = Client().post(f"/say/{code}/", {"language": "en", "q1": "0", "q2": "9", "q3": "x", "q4": "٣"})

    assert TEXTS["en"].nothing in page.content.decode()
    assert not SurveyAnswer.objects.exists()
    assert not SurveyCode.objects.get().used


@pytest.mark.parametrize("answers", [[5, 5, 5, 5], [6, 0, 0, 0, 0], [-1, 0, 0, 0, 0]])
def test_what_is_no_answer_to_it_is_not_kept(agency: Agency, answers: list[int]) -> None:
    [code] = printed(agency)

    with pytest.raises(ValueError, match="no answers"), open_door(by="survey", at=NOON):
        surveys.answer(code=code, language="en", answers=answers, at=NOON)


def test_a_code_is_typed_on_the_first_page(agency: Agency) -> None:
    [code] = printed(agency)
    phone = Client()

    sent_on = phone.get("/say/", {"code": code.lower()})

    assert TEXTS["en"].code in phone.get("/say/").content.decode()
    assert phone.get(sent_on["Location"]).status_code == 200


def test_one_address_cannot_answer_without_end(agency: Agency) -> None:
    [code] = printed(agency)
    phone = Client()

    codes = [phone.post(f"/say/{code}/", {"q1": "0"}).status_code for _ in range(int(RATE.split("/")[0]) + 1)]

    assert codes[0] == 200
    assert codes[-1] == 429


def test_answering_leaves_no_trace_but_the_answers(agency: Agency) -> None:
    [code] = printed(agency)
    before = Entry.objects.count()

    Client().post(f"/say/{code}/", {"language": "en", "q1": "5"})

    assert Entry.objects.count() == before
    assert {field.name for field in SurveyAnswer._meta.fields} == {"id", "agency", "month", "language", "answers"}
    assert {field.name for field in SurveyCode._meta.fields} == {"id", "agency", "code_hash", "month", "used"}
    assert SurveyAnswer.objects.get().pk.version == 4


def test_printing_is_recorded_by_how_many(agency: Agency) -> None:
    printed(agency, 3)

    entry = Entry.objects.get(kind="survey.printed")
    assert entry.data == {"count": 3}


def test_months_are_put_together_until_enough_people_answered(agency: Agency) -> None:
    answered(agency, date(2026, 5, 1), 6)
    answered(agency, date(2026, 6, 1), 7, tag="es")
    answered(agency, date(2026, 7, 1), 9)
    # September is under way.
    answered(agency, date(2026, 9, 1), 40)

    [period] = shown(agency)

    assert (period.first, period.last, period.count) == (date(2026, 5, 1), date(2026, 6, 1), 13)
    # Six and seven are each too few to say which language they chose.
    assert period.languages == []
    assert [question.mean for question in period.questions] == [5, 4, 3, 2, 1]
    assert period.questions[0].shares[-1] == ("Completely", 100)


def test_a_language_is_named_only_where_no_few_are_left_beside_it(agency: Agency) -> None:
    answered(agency, date(2026, 5, 1), 12)
    answered(agency, date(2026, 5, 1), 3, tag="vi")
    answered(agency, date(2026, 6, 1), 12)
    answered(agency, date(2026, 6, 1), 10, tag="vi")

    june, may = shown(agency)

    assert may.languages == []
    assert june.languages == [("English", 12), ("Tiếng Việt", 10)]


def test_a_question_that_few_answered_is_not_shown(agency: Agency) -> None:
    answered(agency, date(2026, 5, 1), 9, answers=[5, 5, 5, 5, 5])
    answered(agency, date(2026, 5, 1), 9, answers=[5, 0, 5, 5, 5])

    [period] = shown(agency)

    assert [question.count for question in period.questions] == [18, 0, 18, 18, 18]
    assert period.questions[1].mean is None


def test_the_agency_says_how_few_are_too_few_and_sees_its_own(agency: Agency) -> None:
    answered(agency, date(2026, 5, 1), 12)
    with open_door(by=SCENE, at=NOON):
        Programme.objects.create(agency=agency, survey_least=13)

    assert shown(agency) == []
    assert shown(responders.agency()) == []


def test_months_stay_put_together_as_they_were_whatever_is_few_later(agency: Agency) -> None:
    with open_door(by=SCENE, at=NOON):
        programme = Programme.objects.create(agency=agency, survey_least=10)
    answered(agency, date(2026, 5, 1), 6, answers=[1, 1, 1, 1, 1])
    answered(agency, date(2026, 6, 1), 7)
    answered(agency, date(2026, 7, 1), 6)
    before = shown(agency)
    assert [(period.first.month, period.last.month, period.count) for period in before] == [(5, 6, 13)]

    for least, together in ((6, [(7, 7, 6), (5, 6, 13)]), (20, [(7, 7, 6), (5, 6, 13)])):
        with open_door(by=SCENE, at=NOON):
            programme.survey_least = least
            programme.save()
        after = shown(agency)
        # May alone would be six, and June with July thirteen: the difference of the two is what few people said.
        assert [(period.first.month, period.last.month, period.count) for period in after] == together
        assert after[-1] == before[0]


def test_several_sweeps_at_once_put_months_together_once(agency: Agency) -> None:
    answered(agency, date(2026, 5, 1), 10)
    together = Barrier(3)

    def sweep(_: int) -> int:
        together.wait()
        try:
            return sweeps.make_periods(at=LATER)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(sweep, range(3)))

    assert sum(made) == 1
    assert SurveyPeriod.objects.count() == 1


def test_a_month_is_over_an_hour_after_its_last_answer_at_the_earliest(agency: Agency) -> None:
    answered(agency, date(2026, 8, 1), 10)
    # Midnight in Seattle.
    ended = datetime(2026, 9, 1, 7, 0, tzinfo=UTC)

    assert [len(shown(agency, at=ended + timedelta(minutes=past))) for past in (-1, 59, 60)] == [0, 0, 1]


def test_coordinators_see_what_people_say(agency: Agency) -> None:
    answered(agency, date(2026, 1, 1), 12)
    sweeps.make_periods(at=LATER)
    client = desk_client(responders.person(agency, "COORDINATOR"))

    page = client.get("/care/survey/").content.decode()

    assert "The team listened to me." in page
    assert "January 2026" in page


def test_cards_are_printed_once_onto_a_sheet(agency: Agency, tmp_path: Path) -> None:
    sheet = tmp_path / "cards.html"

    call_command("print_survey_codes", agency.slug, "--count", "3", "--sheet", str(sheet))

    codes = re.findall(r"<b>([2-9A-Z-]{14})</b>", sheet.read_text())
    assert len(codes) == 3
    assert {code_hash(code) for code in codes} == {bytes(row.code_hash) for row in SurveyCode.objects.all()}
    assert sheet.read_text().count("<svg") == 3
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("print_survey_codes", agency.slug, "--count", "3", "--sheet", str(sheet))
    with pytest.raises(CommandError, match="no agency"):
        call_command("print_survey_codes", "nowhere", "--sheet", str(tmp_path / "other.html"))
    assert SurveyCode.objects.count() == 3
