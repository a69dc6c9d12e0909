"""
The kinds of action by which units and the desk move calls. Those by which calls come in are in ``intake_kinds``.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from rest_framework.serializers import Serializer

from dispatch import serializers
from dispatch.actions import (
    alarms,
    assignments,
    attachments,
    debriefs,
    desk,
    flags,
    hand_backs,
    hand_overs,
    scene,
    shifts,
    stops,
    takes,
)
from dispatch.actions.assignments import Told
from dispatch.actions.attachments import Attached
from dispatch.actions.scene import There
from dispatch.actions.shifts import SignedOff
from dispatch.actions.stops import Seen
from dispatch.models import Alarm, Assignment, Call, Debrief, HandOver, OutsideUnit
from journal.kinds import Kind, Nature
from responders.actors import Actor
from responders.rules import check_in_time


def _assignment(assignment: Assignment) -> dict[str, Any]:
    return {"assignment": assignment.pk, "call": assignment.call_id, "assignment_status": assignment.status}


def _told(told: Told) -> dict[str, Any]:
    return {**_assignment(told.assignment), "flags": told.flags}


def _hand_over(hand_over: HandOver) -> dict[str, Any]:
    return {"hand_over": hand_over.pk, "assignment": hand_over.assignment_id, "call": hand_over.call_id}


def _call(call: Call) -> dict[str, Any]:
    return {"call": call.pk, "call_status": call.status, "offered_at": call.offered_at}


def _outside(attached: OutsideUnit) -> dict[str, Any]:
    return {"call": attached.call_id, "unit": attached.unit_id}


def _stop(seen: Seen) -> dict[str, Any]:
    return {"stop": seen.stop.pk, "acknowledged_at": seen.stop.acknowledged_at, "flags": seen.flags}


def _attached(done: Attached) -> dict[str, Any]:
    return {"attachment": done.row.pk, "call": done.row.call_id, "flags": done.flags}


def _alarm(alarm: Alarm) -> dict[str, Any]:
    return {"alarm": alarm.pk}


def _there(there: There) -> dict[str, Any]:
    assignment = {} if there.assignment is None else _assignment(there.assignment)
    return {"assignment": None, "call": there.call.pk, **assignment, "flags": there.flags}


def _settled(count: int) -> dict[str, Any]:
    return {"settled": count}


def _debrief(debrief: Debrief) -> dict[str, Any]:
    return {"debrief": debrief.pk}


def _signed_off(done: SignedOff) -> dict[str, Any]:
    ended = done.hand_over is None
    waiting = {} if done.hand_over is None else {"hand_over": done.hand_over.pk}
    return {"shift": done.shift.pk, "ended": ended, "flags": done.flags, **waiting}


def _fact(
    name: str, serializer: type[Serializer[Any]], act: Callable[..., Any], answer: Callable[[Any], dict[str, Any]]
) -> Kind:
    return Kind(name=name, nature=Nature.FACT, serializer=serializer, act=act, answer=answer)


def _decided(
    name: str,
    nature: Nature,
    serializer: type[Serializer[Any]],
    act: Callable[..., Any],
    answer: Callable[[Any], dict[str, Any]],
    life: str = "",
) -> Kind:
    def act_now(*, by: Actor, at: datetime, happened_at: datetime | None, **given: Any) -> Any:
        if life:
            check_in_time(life, agency_id=by.agency_id, happened_at=happened_at, at=at)
        # The server decides in the order received; a device's clock never steals a take.
        return act(by=by, at=at, **given)

    return Kind(name=name, nature=nature, serializer=serializer, act=act_now, answer=answer, life=life)


def _take(name: str, serializer: type[Serializer[Any]], act: Callable[..., Any], life: str) -> Kind:
    return _decided(name, Nature.INTENT, serializer, act, _assignment, life)


KINDS: list[Kind] = [
    _take("call.self_dispatch", serializers.TakeArgs, takes.self_dispatch, "self_dispatch_life_s"),
    _take("call.poach", serializers.PoachArgs, takes.poach, "poach_life_s"),
    _fact("assignment.deliver", serializers.AssignmentArgs, assignments.deliver, _told),
    _fact("assignment.acknowledge", serializers.AssignmentArgs, assignments.acknowledge, _told),
    _fact("assignment.en_route", serializers.AssignmentArgs, assignments.en_route, _told),
    _fact("assignment.stage", serializers.AssignmentArgs, assignments.stage, _told),
    _fact("assignment.arrive", serializers.AssignmentArgs, assignments.arrive, _told),
    _fact("assignment.transport", serializers.TransportArgs, assignments.transport, _told),
    _fact("assignment.at_destination", serializers.DestinationArgs, assignments.at_destination, _told),
    _fact("assignment.clear", serializers.ClearArgs, assignments.clear, _told),
    _decided("assignment.hand_back", Nature.INTENT, serializers.HandBackArgs, hand_backs.hand_back, _assignment),
    _decided("assignment.hand_over", Nature.INTENT, serializers.HandOverArgs, hand_overs.ask, _hand_over),
    _decided("hand_over.accept", Nature.INTENT, serializers.HandOverAnswerArgs, hand_overs.accept, _assignment),
    _decided("hand_over.decline", Nature.INTENT, serializers.HandOverAnswerArgs, hand_overs.decline, _hand_over),
    _fact("call.at_scene", serializers.AtSceneArgs, scene.at_scene, _there),
    _fact("stop.acknowledge", serializers.StopArgs, stops.acknowledge, _stop),
    _fact("call.attach", serializers.AttachArgs, attachments.attach, _attached),
    _fact("shift.sign_off", serializers.SignOffArgs, shifts.sign_off, _signed_off),
    _decided("call.dispatch", Nature.DESK, serializers.DispatchArgs, desk.dispatch, _assignment),
    _decided("call.reassign", Nature.DESK, serializers.ReassignArgs, desk.reassign, _assignment),
    _decided("call.offer", Nature.DESK, serializers.CallArgs, desk.offer, _call),
    _decided("call.withdraw_offer", Nature.DESK, serializers.CallArgs, desk.withdraw_offer, _call),
    _decided("call.attach_outside", Nature.DESK, serializers.DispatchArgs, desk.attach_outside, _outside),
    _decided("call.release_outside", Nature.DESK, serializers.DispatchArgs, desk.release_outside, _outside),
    _decided("hand_back.accept", Nature.DESK, serializers.HeldArgs, hand_backs.accept, _assignment),
    _decided("alarm.acknowledge", Nature.DESK, serializers.AlarmArgs, alarms.acknowledge, _alarm),
    _decided("flag.settle", Nature.DESK, serializers.SettleArgs, flags.settle, _settled),
    _decided("debrief.comment", Nature.DESK, serializers.CommentArgs, debriefs.comment, _debrief),
    _decided("debrief.close", Nature.DESK, serializers.CloseDebriefArgs, debriefs.close, _debrief),
]
