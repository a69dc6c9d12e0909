"""
``python -m bench [NAME ...]``: run the measurements, print them and write bench/results.json.
"""

import importlib
import os
import sys

MODULES = ("fan_out", "contested_takes", "intake", "board_pull", "bulk_import")


def main() -> None:
    """
    Run the modules that were named, or all, one after the other.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from bench.figures import Figure, table, write_results

    figures: list[Figure] = []
    for name in sys.argv[1:] or MODULES:
        print(f"measuring {name} ...", flush=True)
        found: list[Figure] = importlib.import_module(f"bench.{name}").run()
        for figure in found:
            print(f"  {figure}", flush=True)
        figures += found
        write_results(figures)
    print()
    print(table(figures))


if __name__ == "__main__":
    main()
