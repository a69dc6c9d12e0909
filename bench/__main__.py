"""
``python -m bench [NAME …]``: run the measurements, print them, and write bench/results.json.

``against_kinto`` runs only when it is named (`make bench-peers`): it installs the peer from the registry.
"""

import os
import sys
from importlib import import_module

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from bench.figures import Figure, machine, table, write  # noqa: E402  the modules measured need setup() first

MODULES = [
    "fan_out",
    "contested_takes",
    "board_pull",
    "bulk_import",
    "replay",
    "past_documents",
    "storm",
    "backup",
    "care_sweep",
]


def main(names: list[str]) -> int:
    """
    Run the named measurements, all unless some are named; 1 when a goal was missed.
    """
    figures: list[Figure] = []
    print(machine(), flush=True)
    for name in names or MODULES:
        print(f"{name} …", flush=True)
        measured: list[Figure] = import_module(f"bench.{name}").run()
        print(table(measured), flush=True)
        figures += measured
        # After each: a run that is cut short keeps what it has.
        write(figures)
    return int(any(figure.met is False for figure in figures))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
