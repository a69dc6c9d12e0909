"""
What a measurement found: printed as a table, and written to bench/results.json.
"""

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
RESULTS = _ROOT / "bench" / "results.json"


@dataclass(frozen=True, slots=True)
class Figure:
    """
    One measured figure.

    ``ratio`` is the value divided by that of ``against``, measured in the same run; ``goal`` says in words what is
    wanted, and ``met`` whether it was reached, None where there is no goal.
    """

    name: str
    value: float
    unit: str
    against: str | None = None
    ratio: float | None = None
    goal: str | None = None
    met: bool | None = None


def write(figures: Sequence[Figure], *, at: datetime | None = None, to: Path = RESULTS) -> None:
    """
    Write the figures with where, when and of which commit they were measured.
    """
    results = {
        "machine": machine(),
        "date": (at or datetime.now(UTC)).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "commit": _commit(),
        "figures": [asdict(figure) for figure in figures],
    }
    to.write_text(json.dumps(results, indent=2) + "\n")


def table(figures: Iterable[Figure]) -> str:
    """
    Return the figures as a Markdown table.
    """
    rows = ["| figure | value | against | ratio | goal | met |", "|---|---:|---|---:|---|---|"]
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        met = "" if figure.met is None else ("yes" if figure.met else "**no**")
        rows.append(
            f"| {figure.name} | {figure.value:,.1f} {figure.unit} | {figure.against or ''} | {ratio}"
            f" | {figure.goal or ''} | {met} |"
        )
    return "\n".join(rows)


def machine() -> str:
    """
    Return what the figures were measured on: cores, memory, system, Python.
    """
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {gigabytes:.0f} GiB, {platform.system()} {platform.machine()},"
        f" Python {platform.python_version()}"
    )


def _commit() -> str:
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"
