"""
The kinds of action of consents and disclosures.
"""

from typing import Any

from followups.actions import consents, disclosures
from followups.models import Consent, Disclosure
from followups.serializers import consents as args
from journal.kinds import Kind, Nature


def _consent(row: Consent) -> dict[str, Any]:
    return {"consent": row.pk, "client": row.client_id, "revoked_at": row.revoked_at, "ended_at": row.ended_at}


def _disclosure(row: Disclosure) -> dict[str, Any]:
    # The copy itself, with its notice: whoever asks for it again gets the same one, word for word.
    return {"disclosure": row.pk, "client": row.client_id, "copy": row.body}


KINDS = [
    Kind("consent.record", Nature.DESK, args.ConsentArgs, consents.add, _consent, sealed=True),
    Kind("consent.revoke", Nature.DESK, args.ConsentIdArgs, consents.revoke, _consent, sealed=True),
    Kind("consent.end", Nature.DESK, args.ConsentIdArgs, consents.end, _consent, sealed=True),
    Kind("disclosure.make", Nature.DESK, args.DiscloseArgs, disclosures.let_out, _disclosure, sealed=True),
]
