"""
Whatever the order in which the words of a report come, and however often, they end in the same report.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dispatch.models import Flag
from followups.models import Client, Contact, Encounter, MandatedReport, Met, Plan, Signing
from journal.kinds import kinds
from journal.rebuild import differences
from responders.actors import Actor
from responders.api import run_action
from tests.conftest import NOON
from tests.factories import encounters as make
from tests.factories.encounters import body, new

pytestmark = pytest.mark.django_db

HEARD = NOON + timedelta(hours=3)
Word = tuple[UUID, str, int, dict[str, Any]]
PEOPLE = [
    [],
    [{**new("Jo"), "needs": ["SUICIDE_RISK"], "follow_up": "YES"}],
    [{"client": None, "mandated": {"about": "Bruises"}}, {**new("Kim"), "follow_up": "NO"}],
]


def words() -> st.SearchStrategy[list[Word]]:
    """
    Draw what tablets said of one report: some saves, one signing, some additions. Revisions grow with time, one by one.
    """
    said = st.tuples(st.sampled_from(PEOPLE), st.sampled_from(["", "Calm", "Calm now"]))
    saves = st.lists(said, max_size=4)
    return st.builds(_words, saves, said, st.integers(0, 4), st.lists(st.sampled_from(["More", "Later"]), max_size=2))


def _words(saves: list[Any], signed: Any, place: int, added: list[str]) -> list[Word]:
    told = [("encounter.save", people, notes) for people, notes in saves]
    told.insert(min(place, len(told)), ("encounter.sign", *signed))
    whole = [
        (uuid4(), kind, revision, {"revision": revision, "seconds": 9 * revision, "body": body(*people, notes=notes)})
        for revision, (kind, people, notes) in enumerate(told, start=1)
    ]
    return [*whole, *((uuid4(), "encounter.addendum", 9 + at, {"text": text}) for at, text in enumerate(added))]


def tell(by: Actor, key: UUID, assignment: int, told: Sequence[Word]) -> None:
    for action_id, kind, minute, args in told:
        answer = run_action(
            kinds()[kind],
            action_id=action_id,
            args={"encounter": str(key), "assignment": assignment, **args},
            by=by,
            at=HEARD,
            happened_at=NOON + timedelta(minutes=minute),
        )
        assert answer.applied, answer.body


def state(key: UUID) -> dict[str, Any]:
    """
    Return what a report and what followed from it are, without the ids that every run gives anew.
    """
    row = Encounter.objects.get(key=key)
    names = {client.pk: [name.text for name in client.names.all()] for client in Client.objects.all()}
    met = [
        (one.position, one.client_id and names[one.client_id], one.risk, one.agreed, {**one.body, "client": None})
        for one in Met.objects.filter(encounter=row).order_by("position")
    ]
    columns = (
        "state", "revision", "signed_revision", "nobody_found", "opened_at", "saved_at", "due_at", "signed_at",
        "seconds_spent", "notes", "to_check",
    )  # fmt: skip
    return {
        **{name: getattr(row, name) for name in columns},
        "draft": [{**one, "client": None} for one in row.draft["met"]],
        "met": met,
        "overtaken": [(one.base, one.revision, one.body, one.at) for one in row.overtaken.order_by("base")],
        "signings": [(one.revision, one.body, one.at) for one in Signing.objects.filter(encounter=row)],
        "addenda": sorted((one.text, one.at) for one in row.addenda.all()),
        "mandated": [(one.met, one.about, one.due_at) for one in MandatedReport.objects.filter(encounter=row)],
        "clients": sorted(names.values()),
        "contacts": Contact.objects.filter(call=row.assignment.call_id).count(),
        "plans": sorted(plan.state for plan in Plan.objects.filter(encounter=row)),
        "flags": Flag.objects.filter(call=row.assignment.call_id).count(),
    }


@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_order_and_any_repetition_end_in_the_same_report(db: None, data: st.DataObject) -> None:
    told = data.draw(words())
    shuffled = data.draw(st.permutations([*told, *data.draw(st.lists(st.sampled_from(told), max_size=3))]))
    ends = []
    for order in (told, shuffled):
        of = make.scene()
        key, held = uuid4(), make.seen_to(of)
        # A repetition has the id of the first; another run is another world.
        fresh = {action_id: uuid4() for action_id, *_ in told}
        before = set(Client.objects.values_list("pk", flat=True))
        tell(of.tablet, key, held.pk, [(fresh[action_id], *rest) for action_id, *rest in order])  # type: ignore[misc]  # mypy loses the types behind a star
        ends.append(_of_this_run(state(key), before))

    assert ends[0] == ends[1]
    assert ends[0]["state"] == "SIGNED"
    assert list(differences()) == []


def _of_this_run(ended: dict[str, Any], before: set[int]) -> dict[str, Any]:
    clients = Client.objects.exclude(pk__in=before)
    return {**ended, "clients": sorted([name.text for name in client.names.all()] for client in clients)}
