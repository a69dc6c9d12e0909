"""
Two records said to be one person's, by a human, and taken back by one: nothing is lost either way.

The rows that say something of the absorbed record go to the kept one; their ids are remembered, table by table, and what the
kept one was by itself, sealed. What was there of the absorbed record itself stays in its own row. Taken back, those rows return
as they were; what was added since stays with the record that was kept, because nobody can tell whose it is.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django.apps import apps
from django.db.models import Model

from followups.actions.clients import known_as
from followups.models import (
    BreakGlass,
    CareReferral,
    Client,
    CloseReason,
    Contact,
    Disclosure,
    FollowUp,
    FollowUpState,
    LockedClient,
    Merge,
    Met,
    Plan,
    PlanState,
    Shown,
)
from followups.queries.encounters import choices_of
from followups.refusals import clients as refusals
from followups.rules.encounters import substance_use_of
from journal.record import record
from responders.actors import Actor

_OPEN_PLANS: Final = (PlanState.OPEN, PlanState.PAUSED)
# What stays with the record that it was about: who was let into it, what went out of it (append-only), where it was shown,
# and the merges themselves. A reader of the kept record reads them too (followups/queries/records.py).
STAYS: Final[tuple[type[Model], ...]] = (Client, BreakGlass, Disclosure, Shown, Merge)
# Of the kept record, where it does not say: nobody should have to look at two records for somebody's language. Each group
# goes as one.
_FILLED: Final = (
    ("born_on", "born_on_index"),
    ("looks",),
    ("language",),
    ("pronouns",),
    ("visits_from", "visits_until"),
    ("familiar_at",),
)


def merge(*, kept_id: int, absorbed_id: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> Merge:
    """
    Say that two records are one person's. Of two open plans the one of the earlier encounter closes as a duplicate: the later
    encounter counts, as it does for one record.

    :raises ClientNotFound: one of them is not in this agency.
    :raises MergeWithItself: they are one already.
    :raises MergeOfDeathDiffers: one says that the person died, and the other does not.
    """
    kept, absorbed = _both(kept_id, absorbed_id, by=by)
    if (kept.deceased_at is None) != (absorbed.deceased_at is None):
        raise refusals.MergeOfDeathDiffers
    moved: dict[str, Any] = {
        "duplicate": _close_one(kept, absorbed, by=by, at=at),
        "names": _second_name(kept, absorbed),
    }
    moved["rows"] = _move(kept, absorbed)
    moved["filled"] = _fill(kept, absorbed)
    moved["part2"] = _label(kept, absorbed)
    _know(kept)
    absorbed.merged_into = kept
    absorbed.save(update_fields=["merged_into"])
    kept.save()
    done = Merge.objects.create(kept=kept, absorbed=absorbed, moved=moved, merged_at=at, merged_by=str(by))
    record(
        "client.merge",
        agency_id=kept.agency_id,
        about=f"client.{kept.pk}",
        data={"merge": done.pk, "absorbed": absorbed.pk},
        by=by,
        at=at,
    )
    return done


def unmerge(*, merge_id: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> Merge:
    """
    Take a merge back: every row that it moved returns. A plan that it closed opens again as it was, unless another one is
    open for that person by now.

    :raises MergeNotFound: there is none in this agency.
    :raises MergeUndone: it was taken back already.
    :raises MergeNotLast: the kept record was merged into another since.
    """
    found = Merge.objects.filter(pk=merge_id, kept__agency=by.agency_id).first()
    if found is None:
        raise refusals.MergeNotFound
    locked = {pk: Client.objects.lock(pk) for pk in sorted((found.kept_id, found.absorbed_id))}
    kept, absorbed = locked[found.kept_id], locked[found.absorbed_id]
    found.refresh_from_db()
    if found.unmerged_at is not None:
        raise refusals.MergeUndone
    if kept.merged_into_id is not None:
        raise refusals.MergeNotLast
    moved = found.moved
    absorbed.merged_into = None
    absorbed.save(update_fields=["merged_into"])
    for model, column in tables():
        ids = moved["rows"].get(model._meta.model_name, [])
        model._default_manager.filter(**{"pk__in": ids, column: kept}).update(**{column: absorbed})
    _first_names_again(kept, absorbed, moved["names"])
    _open_again(moved["duplicate"])
    _empty_again(kept, absorbed, moved["filled"])
    _unlabel(kept, absorbed, moved["part2"])
    for client in (kept, absorbed):
        _know(client)
        client.save()
    found.unmerged_at, found.unmerged_by = at, str(by)
    found.save(update_fields=["unmerged_at", "unmerged_by"])
    record(
        "client.unmerge",
        agency_id=kept.agency_id,
        about=f"client.{kept.pk}",
        data={"merge": found.pk, "absorbed": absorbed.pk},
        by=by,
        at=at,
    )
    return found


def tables() -> Iterator[tuple[type[Model], str]]:
    """
    Yield every table whose rows follow a person into another record, and its column: found, so that none can be forgotten.
    """
    for model in apps.get_app_config("followups").get_models():
        if model not in STAYS:
            for field in model._meta.concrete_fields:
                if field.related_model is Client:
                    yield model, field.name


def _both(kept_id: int, absorbed_id: int, *, by: Actor) -> tuple[LockedClient, LockedClient]:
    if kept_id == absorbed_id:
        raise refusals.MergeWithItself
    # In the order of their ids, whoever asks for which.
    locked = {pk: Client.objects.lock(pk) for pk in sorted((kept_id, absorbed_id))}
    kept, absorbed = locked[kept_id], locked[absorbed_id]
    if {kept.agency_id, absorbed.agency_id} != {by.agency_id}:
        raise refusals.ClientNotFound
    if kept.merged_into_id is not None or absorbed.merged_into_id is not None:
        raise refusals.MergeWithItself
    return kept, absorbed


def _move(kept: Client, absorbed: Client) -> dict[str, list[int]]:
    moved: dict[str, list[int]] = defaultdict(list)
    for model, column in tables():
        rows = model._default_manager.filter(**{column: absorbed})
        # The index allows one of each: both were said of the same call, or referred in the same place of one report. What is
        # said twice stays where it is.
        if model is Contact:
            there = kept.contacts.filter(ended_at=None).values("call")
            rows = rows.exclude(ended_at=None, call__in=there)
        elif model is CareReferral:
            for row in kept.care_referrals.filter(position__isnull=False):
                rows = rows.exclude(encounter=row.encounter_id, position=row.position)
        ids = list(rows.order_by("pk").values_list("pk", flat=True))
        if ids:
            moved[str(model._meta.model_name)] += ids
            model._default_manager.filter(pk__in=ids).update(**{column: kept})
    return dict(moved)


def _second_name(kept: Client, absorbed: Client) -> dict[str, int | None]:
    """
    Make the absorbed record's name an alias where the kept one has a name; return the row of the name of each.
    """
    ours, theirs = (client.names.filter(primary=True).first() for client in (kept, absorbed))
    if ours is not None and theirs is not None:
        theirs.primary = False
        theirs.save(update_fields=["primary"])
    return {"kept": None if ours is None else ours.pk, "absorbed": None if theirs is None else theirs.pk}


def _first_names_again(kept: Client, absorbed: Client, was: dict[str, int | None]) -> None:
    # The absorbed record's names are as they were, but for one that was taken away meanwhile.
    absorbed.names.update(primary=False)
    absorbed.names.filter(pk=was["absorbed"] or 0).update(primary=True)
    # The other goes by its own again where it went by one that has left.
    if not kept.names.filter(primary=True).exists():
        kept.names.filter(pk=was["kept"] or 0).update(primary=True)


def _close_one(kept: Client, absorbed: Client, *, by: Actor, at: datetime) -> dict[str, Any] | None:
    plans = {plan.client_id: plan for plan in Plan.objects.filter(client__in=(kept, absorbed), state__in=_OPEN_PLANS)}
    ours, theirs = plans.get(kept.pk), plans.get(absorbed.pk)
    if ours is None or theirs is None:
        return None
    closed = theirs if theirs.based_at <= ours.based_at else ours
    waiting = FollowUp.objects.open().filter(plan=closed)
    was = {"id": closed.pk, "state": closed.state, "follow_ups": {str(row.pk): row.state for row in waiting}}
    waiting.update(state=FollowUpState.CANCELLED)
    closed.state, closed.close_reason = PlanState.CLOSED, CloseReason.DUPLICATE
    closed.closed_at, closed.closed_by = at, str(by)
    closed.save(update_fields=["state", "close_reason", "closed_at", "closed_by"])
    return was


def _open_again(was: dict[str, Any] | None) -> None:
    if was is None:
        return
    plan = Plan.objects.get(pk=was["id"])
    if (
        plan.close_reason != CloseReason.DUPLICATE
        or Plan.objects.filter(client=plan.client_id, state__in=_OPEN_PLANS).exists()
    ):
        return
    plan.state, plan.close_reason, plan.closed_at, plan.closed_by = was["state"], "", None, ""
    plan.save(update_fields=["state", "close_reason", "closed_at", "closed_by"])
    states: dict[str, list[int]] = defaultdict(list)
    for row_id, state in was["follow_ups"].items():
        states[state].append(int(row_id))
    for state, ids in states.items():
        FollowUp.objects.filter(pk__in=ids, state=FollowUpState.CANCELLED).update(state=state)


def _fill(kept: Client, absorbed: Client) -> list[str]:
    filled = []
    for group in _FILLED:
        if not any(getattr(kept, column) for column in group) and any(getattr(absorbed, column) for column in group):
            for column in group:
                setattr(kept, column, getattr(absorbed, column))
            filled += list(group)
    if absorbed.interpreter and not kept.interpreter:
        kept.interpreter = True
        filled.append("interpreter")
    return filled


def _empty_again(kept: Client, absorbed: Client, filled: list[str]) -> None:
    for column in filled:
        # What somebody has corrected since is theirs.
        if _plain(getattr(kept, column)) == _plain(getattr(absorbed, column)):
            setattr(kept, column, getattr(Client(), column))


def _know(client: Client) -> None:
    name = client.names.filter(primary=True).first()
    client.known_as = known_as(name=name.text if name else "", looks=client.looks)


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def _label(kept: Client, absorbed: Client) -> dict[str, list[str]]:
    """
    Put 42 CFR Part 2's label on the kept record where the other has it; return what was covered of the kept one by itself.
    """
    # Merges are taken back in any order: each remembers what the record had before the first of those that stand.
    first = Merge.objects.filter(kept=kept, unmerged_at=None).order_by("pk").first()
    own: list[str] = list(kept.substance_use) if first is None else first.moved["part2"]["own"]
    kept.substance_use = list(dict.fromkeys([*kept.substance_use, *absorbed.substance_use]))
    return {"own": own}


def _unlabel(kept: Client, absorbed: Client, was: dict[str, list[str]]) -> None:
    """
    Leave each record with what is covered of it: what it had, and what its own reports say. What nobody can tell whose it is
    stays with the record that was kept.
    """
    theirs = list(dict.fromkeys([*absorbed.substance_use, *_covered(absorbed)]))
    others = Client.objects.filter(merged_into=kept)
    ours = {*was["own"], *_covered(kept), *(code for other in others for code in other.substance_use)}
    kept.substance_use = [code for code in kept.substance_use if code in ours or code not in theirs]
    absorbed.substance_use = theirs


def _covered(client: Client) -> list[str]:
    choices = choices_of(client.agency_id)
    found = Met.objects.filter(client=client, encounter__signed_at__isnull=False).order_by("pk")
    return [code for met in found for code in substance_use_of(met.body, choices=choices)]
