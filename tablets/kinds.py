"""
The kinds of action this app declares.
"""

from typing import Any

from journal.kinds import Kind, Nature
from tablets import serializers
from tablets.actions import purges, quarantine, registry, sign_off, sign_on
from tablets.actions.sign_off import SignedOff
from tablets.models import Quarantined, SignOn, Tablet


def answer_tablet(tablet: Tablet) -> dict[str, Any]:
    """
    Return what the receipt of an action on a tablet says.
    """
    return {"tablet": tablet.pk, "name": tablet.name, "revoked_at": tablet.revoked_at}


def answer_sign_on(signed_on: SignOn) -> dict[str, Any]:
    """
    Return what the receipt of a sign-on without signal says; ``ended_at`` where it is over already as it is heard of.
    """
    shift = signed_on.shift
    return {
        "person": shift.person_id,
        "shift": shift.pk,
        "planned_end_at": shift.planned_end_at,
        "signed_on_until": signed_on.expires_at,
        "ended_at": signed_on.ended_at,
    }


def answer_sign_off(done: SignedOff) -> dict[str, Any]:
    """
    Return what the receipt of a sign-off says.
    """
    return {"tablet": done.tablet.pk, "flags": done.flags}


def answer_kept(row: Quarantined) -> dict[str, Any]:
    """
    Return what the receipt of an action on something in quarantine says.
    """
    return {"ticket": row.pk, "state": row.state, "result": row.result}


KINDS: list[Kind] = [
    Kind(
        "tablet.sign_on",
        Nature.INTENT,
        serializers.SignOnArgs,
        act=sign_on.sign_on_without_signal,
        answer=answer_sign_on,
        needs_sign_on=False,
    ),
    Kind(
        "tablet.sign_off",
        Nature.FACT,
        serializers.LeaveArgs,
        act=sign_off.sign_off_as_told,
        answer=answer_sign_off,
    ),
    Kind("tablet.revoke", Nature.DESK, serializers.Revoke, act=registry.revoke, answer=answer_tablet),
    Kind("tablet.rename", Nature.DESK, serializers.Rename, act=registry.rename, answer=answer_tablet),
    Kind("tablet.resync", Nature.DESK, serializers.OneTablet, act=purges.resync, answer=answer_tablet),
    Kind("tablet.purge", Nature.DESK, serializers.OneTablet, act=purges.purge, answer=answer_tablet),
    Kind("quarantine.retry", Nature.DESK, serializers.RetryArgs, act=quarantine.retry, answer=answer_kept),
    Kind("quarantine.close", Nature.DESK, serializers.CloseArgs, act=quarantine.close, answer=answer_kept),
]
