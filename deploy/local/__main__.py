"""What the Makefile calls: `python3 -m deploy.local COMMAND`. Needs nothing but Python itself."""

import argparse
import signal
import sys

from deploy.local import site, usage
from deploy.local.machine import install


def main() -> None:
    """Read the command line and do what it says."""
    if sys.version_info < (3, 11):  # noqa: UP036 (an older Python may well be the one that runs this)
        raise SystemExit("CARE Field needs Python 3.11 or newer.")
    parser = argparse.ArgumentParser(prog="deploy.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("install", help="install what is missing, Chromium included")
    commands.add_parser("services", help="start the private PostgreSQL and Redis, and leave them running")
    commands.add_parser("stop", help="stop the private PostgreSQL and Redis")
    run = commands.add_parser("run", help="start the whole site, until Ctrl-C")
    run.add_argument("--port", default="8000")
    with_services = commands.add_parser("with", help="run a command while the private servers are up")
    with_services.add_argument("rest", nargs=argparse.REMAINDER)
    commands.add_parser("clean", help="stop the private servers and remove everything that was installed here")
    arguments = parser.parse_args()

    match arguments.command:
        case "install":
            install(browser=True)
        case "services":
            usage.keep_services()
        case "stop":
            usage.stop_services()
        case "run":
            sys.exit(site.run(port=arguments.port))
        case "with":
            sys.exit(usage.run_with_services(arguments.rest))
        case "clean":
            usage.remove_everything()


def _end(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    # However we are ended, what we started is stopped on the way out.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    main()
