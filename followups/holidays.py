"""
The days on which hours are not what they are on others: legal holidays of the United States and of Washington State.

A fixed day that falls on a Saturday or Sunday is kept on the Friday before or the Monday after as well (5 U.S.C. 6103(b), RCW
1.16.050): both are doubtful. ``weekday`` 0 is Monday, ``nth`` -1 the last of the month, ``after`` days after that.
"""

import json
from pathlib import Path
from typing import Any

HOLIDAYS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "data" / "holidays.json").read_text())["days"]
