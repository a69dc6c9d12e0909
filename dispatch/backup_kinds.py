"""
The kinds of action by which the desk answers requests for backup. Raising one has a door of its own (dispatch/backup).
"""

from typing import Any

from dispatch import backup_serializers as args
from dispatch.actions import backups
from dispatch.models import Backup
from journal.kinds import Kind, Nature


def _backup(row: Backup) -> dict[str, Any]:
    return {
        "backup": row.pk,
        "press": row.press,
        "unit": row.unit_id,
        "level": row.level,
        "seen_at": row.seen_at,
        "police_sent_at": row.police_sent_at,
        "closed_as": row.closed_as,
    }


KINDS = [
    Kind("backup.level", Nature.DESK, args.LevelArgs, backups.level, _backup),
    Kind("backup.police_sent", Nature.DESK, args.PoliceSentArgs, backups.police_sent, _backup),
    Kind("backup.police_arrived", Nature.DESK, args.KeyArgs, backups.police_arrived, _backup),
    Kind("backup.confirm_cancel", Nature.DESK, args.KeyArgs, backups.confirm_cancel, _backup),
    Kind("backup.resolve", Nature.DESK, args.ResolveArgs, backups.resolve, _backup),
    Kind("backup.raise_by_radio", Nature.DESK, args.RaiseArgs, backups.raise_by_radio, _backup),
]
