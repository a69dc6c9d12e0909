"""
The kinds of action of messages between the desk and a crew.
"""

from typing import Any

from dispatch import tandem_serializers as args
from dispatch.actions import messages
from dispatch.actions.messages import Sent
from dispatch.models import Message
from journal.kinds import Kind, Nature


def _sent(sent: Sent) -> dict[str, Any]:
    return {"message": sent.message.pk, "call": sent.message.call_id, "flags": sent.flags}


def _marked(message: Message) -> dict[str, Any]:
    return {"message": message.pk, "flags": []}


KINDS: list[Kind] = [
    Kind("message.send", Nature.FACT, args.SendArgs, messages.send, _sent),
    Kind("message.deliver", Nature.FACT, args.MessageArgs, messages.deliver, _marked),
    Kind("message.read", Nature.FACT, args.MessageArgs, messages.read, _marked),
]
