"""Install what is missing: Debian's packages, the Python packages in .venv, the npm packages in node_modules.

Each step leaves a stamp that names its inputs, so that a second run costs nothing.
"""

import ctypes.util
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from deploy.local.environment import uses_private_servers
from deploy.local.places import ROOT, STAMPS, VENV
from deploy.local.servers import postgres_bin

REQUIREMENTS = ROOT / "requirements/dev.txt"
SYSTEM_PATH = ("/usr/sbin", "/sbin")  # nginx lives there, and an ordinary user's PATH leaves it out


def find_program(*names: str) -> str | None:
    """The path of the first of these programs that is installed."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_PATH])
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def _has_geo_libraries() -> bool:
    return all(ctypes.util.find_library(name) for name in ("gdal", "geos_c", "proj"))


def _has_fonts() -> bool:
    return any(Path("/usr/share/fonts").rglob("*.[to]tf")) if Path("/usr/share/fonts").exists() else False


# What we need, how we see that it is there (in whatever package), and the Debian package that brings it.
FOR_SERVERS: list[tuple[Callable[[], object], str]] = [
    (postgres_bin, "postgresql"),
    (postgres_bin, "postgresql-postgis"),
    (lambda: find_program("redis-server"), "redis-server"),
]
FOR_SITE: list[tuple[Callable[[], object], str]] = [(lambda: find_program("nginx"), "nginx")]
# GeoDjango loads GDAL, GEOS and PROJ. PostGIS brings them all; gdal-bin does where the database is elsewhere.
FOR_SITE_ALONE: list[tuple[Callable[[], object], str]] = [(_has_geo_libraries, "gdal-bin")]
FOR_BROWSER_TESTS: list[tuple[Callable[[], object], str]] = [
    (lambda: find_program("chromium", "chromium-browser", "google-chrome"), "chromium"),
    (_has_fonts, "fonts-liberation"),
]


def install(*, browser: bool) -> None:
    """Bring the machine, .venv and node_modules up to date."""
    install_system(browser=browser)
    install_python()
    install_npm()


def install_system(*, browser: bool) -> None:
    """Install the Debian packages that are missing; browser says whether Chromium is among what we need."""
    needs = [*FOR_SITE, *(FOR_SERVERS if uses_private_servers() else FOR_SITE_ALONE)]
    if browser:
        needs += FOR_BROWSER_TESTS
    missing = [package for is_there, package in needs if not is_there()]
    if not _has_ensurepip() and not (VENV / "bin/python").exists():
        missing.append("python3-venv")
    if not missing:
        return
    if not Path("/etc/debian_version").exists() or not shutil.which("apt-get"):
        _explain_missing(missing)
        return
    print(f"Installing Debian packages: {' '.join(missing)} (no service is started) …", flush=True)
    command = [sys.executable, "-m", "deploy.local.debian", *missing]
    if os.geteuid() != 0:
        if not shutil.which("sudo"):
            raise SystemExit(f"Run this as root, or install sudo, or install these yourself: {' '.join(missing)}")
        command = ["sudo", "env", f"PYTHONPATH={ROOT}", "PYTHONDONTWRITEBYTECODE=1", *command]
    subprocess.run(command, check=True, cwd=ROOT)
    still_missing = [package for is_there, package in needs if not is_there()]
    if still_missing:
        raise SystemExit(f"Installed, but not usable: {' '.join(still_missing)}")


def _explain_missing(missing: list[str]) -> None:
    """Elsewhere than on Debian we install nothing; without what only browser tests need, all else still works."""
    only_browser = {package for _, package in FOR_BROWSER_TESTS}
    explanation = (
        f"This is not a Debian system, and these are missing (by Debian's names): {' '.join(missing)}.\n"
        "Install them with your own package manager. PostgreSQL with PostGIS and Redis may also run elsewhere: "
        "set DATABASE_URL and REDIS_URL. Or use Docker: docker compose up."
    )
    if not only_browser.issuperset(missing):
        raise SystemExit(explanation)
    print(f"{explanation}\nGoing on: only the browser tests need them.")


def _has_ensurepip() -> bool:
    try:
        import ensurepip  # noqa: F401 (Debian cuts it out of its Python)
    except ImportError:
        return False
    return True


def install_python() -> None:
    """Make .venv hold exactly the pinned packages of requirements/dev.txt."""
    step = _Step("python", REQUIREMENTS.read_bytes(), sys.version.encode(), str(ROOT).encode())
    if step.done and (VENV / "bin/python").exists():
        return
    print("Installing the Python packages into .venv …", flush=True)
    python = str(VENV / "bin/python")
    if not _works(python):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    progress = [] if sys.stdout.isatty() else ["--progress-bar", "off", "-qq"]
    # Modules are compiled when they are first imported: compiling them all here takes as long as the rest.
    options = [*progress, "--no-compile", "--require-hashes", "--no-deps"]
    _wait(
        [*pip, "install", *options, "-r", str(REQUIREMENTS)],
        environment={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"},
    )
    _uninstall_unpinned(pip)
    step.finish()


def _works(python: str) -> bool:
    if not Path(python).exists():
        return False
    code = "import sys; print(sys.version)"
    result = subprocess.run([python, "-c", code], check=False, capture_output=True, text=True)
    return result.stdout.strip() == sys.version.strip()


def _uninstall_unpinned(pip: list[str]) -> None:
    """Remove what an older list had installed: an import of it must fail here as it would elsewhere."""
    pinned = {line.split("==")[0].lower() for line in REQUIREMENTS.read_text().splitlines() if "==" in line}
    listed = subprocess.run([*pip, "list", "--format=freeze"], check=True, capture_output=True, text=True).stdout
    installed = {line.split("==")[0].lower().replace("_", "-").replace(".", "-") for line in listed.splitlines()}
    extra = installed - pinned - {"pip", "setuptools"}
    if extra:
        subprocess.run([*pip, "uninstall", "--quiet", "--yes", *sorted(extra)], check=True)


def install_npm() -> None:
    """Install the locked npm packages. Their install scripts never run: none of ours needs one."""
    npm = find_program("npm")
    if npm is None:
        raise SystemExit("Node.js with npm is needed (version 20 or newer) and is not installed.")
    inputs = [(ROOT / name).read_bytes() for name in ("package.json", "package-lock.json", ".npmrc")]
    step = _Step("npm", *inputs)
    if step.done and (ROOT / "node_modules").exists():
        return
    print("Installing the npm packages into node_modules …", flush=True)
    _wait([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--update-notifier=false"])
    step.finish()


def _wait(command: list[str], environment: dict[str, str] | None = None) -> None:
    """Run a long command, with a sign of life every ten seconds."""
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    while True:
        try:
            status = process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            print(f"  … still at it after {time.monotonic() - began:.0f} s", flush=True)
        else:
            break
    if status:
        raise SystemExit(f"This command failed with status {status}: {' '.join(command)}")


class _Step:
    """A stamp under .local/stamps that holds the hash of a step's inputs once the step is done."""

    def __init__(self, name: str, *inputs: bytes) -> None:
        STAMPS.mkdir(parents=True, exist_ok=True)
        self.path = STAMPS / name
        digest = hashlib.sha256()
        for content in inputs:
            digest.update(hashlib.sha256(content).digest())
        self.hash = digest.hexdigest()
        self.done = self.path.exists() and self.path.read_text() == self.hash

    def finish(self) -> None:
        self.path.write_text(self.hash)
