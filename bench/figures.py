"""
A figure: what was measured, against what, and whether it is good enough.
"""

import json
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from os import cpu_count
from pathlib import Path

RESULTS = Path(__file__).with_name("results.json")


@dataclass(frozen=True, slots=True)
class Figure:
    """
    One measurement: a median of repeated runs, in ``unit``.

    ``against`` names the floor or the peer of the same run, ``ratio`` is ours to theirs, ``goal`` is written as a person
    would ("ratio <= 1.3") and ``met`` says whether it was reached; all None where nothing is promised.
    """

    name: str
    value: float
    unit: str
    against: str | None = None
    ratio: float | None = None
    goal: str | None = None
    met: bool | None = None

    def __str__(self) -> str:
        parts = [f"{self.name}: {_number(self.value)} {self.unit}"]
        if self.ratio is not None:
            parts.append(f"{_number(self.ratio)} x {self.against}")
        if self.goal is not None:
            parts.append(f"goal {self.goal}: {'met' if self.met else 'MISSED'}")
        return "; ".join(parts)


def write_results(figures: Sequence[Figure], *, path: Path = RESULTS) -> None:
    """
    Write the figures of one run, with the machine, the instant and the commit, replacing figures of the same names.
    """
    kept: dict[str, dict[str, object]] = {}
    if path.exists():
        kept = {figure["name"]: figure for figure in json.loads(path.read_text())["figures"]}
    kept |= {figure.name: asdict(figure) for figure in figures}
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=path.parent
    )
    report = {
        "machine": f"{cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "figures": list(kept.values()),
    }
    path.write_text(json.dumps(report, indent=1) + "\n")


def table(figures: Sequence[Figure]) -> str:
    """
    Return the figures as the Markdown table of docs/benchmarks.md.
    """
    lines = ["| what | figure | against | ratio | goal |", "|---|---|---|---|---|"]
    for figure in figures:
        ratio = "" if figure.ratio is None else _number(figure.ratio)
        goal = "" if figure.goal is None else f"{figure.goal}: {'met' if figure.met else '**missed**'}"
        lines.append(
            f"| {figure.name} | {_number(figure.value)} {figure.unit} | {figure.against or ''} | {ratio} | {goal} |"
        )
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
