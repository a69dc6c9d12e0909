"""
The kinds of action of intake, decisions, cautions and policies.
"""

from typing import Any

from dispatch import intake_serializers as args
from dispatch.actions import cautions, decisions, intake, policies
from dispatch.actions.intake import Answered, Noted
from dispatch.models import Call, Caution, Decision, Policy
from journal.kinds import Kind, Nature


def _call(row: Call) -> dict[str, Any]:
    return {
        "call": row.pk,
        "number": row.number,
        "call_status": row.status,
        "queue": row.queue,
        "response": row.response,
        "care_available": row.care_available,
        "reasons": list(row.reasons),
    }


def _answer(told: Answered) -> dict[str, Any]:
    return {
        "answer": told.answer.pk,
        "call": told.call.pk,
        "response": told.call.response,
        "care_available": told.call.care_available,
        "reasons": list(told.call.reasons),
        "flags": told.flags,
    }


def _note(told: Noted) -> dict[str, Any]:
    return {"note": told.note.pk, "call": told.note.call_id, "flags": told.flags}


def _decision(row: Decision) -> dict[str, Any]:
    return {"decision": row.pk, "call": row.call_id, "response": row.response}


def _caution(row: Caution) -> dict[str, Any]:
    return {"caution": row.pk, "expires_at": row.expires_at.isoformat()}


def _policy(row: Policy) -> dict[str, Any]:
    return {"policy": row.pk, "in_force_from": row.in_force_from and row.in_force_from.isoformat()}


KINDS = [
    Kind("call.create", Nature.DESK, args.CreateArgs, intake.create, _call),
    Kind("call.update", Nature.DESK, args.UpdateArgs, intake.update, _call),
    Kind("call.answer", Nature.FACT, args.AnswerArgs, intake.answer, _answer),
    Kind("call.note", Nature.FACT, args.NoteArgs, intake.note, _note),
    Kind("call.cancel", Nature.DESK, args.CancelArgs, intake.cancel, _call),
    Kind("call.overrule", Nature.DESK, args.OverruleArgs, decisions.overrule, _decision),
    Kind("caution.add", Nature.DESK, args.CautionArgs, cautions.add, _caution),
    Kind("caution.end", Nature.DESK, args.EndCautionArgs, cautions.end, _caution),
    Kind("policy.switch_on", Nature.DESK, args.SwitchOnArgs, policies.switch_on, _policy),
]
