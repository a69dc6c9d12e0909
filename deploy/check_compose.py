"""Check compose.yaml: with docker-compose where it is installed, else as far as reading it tells."""

import os
import shutil
import subprocess

import yaml

from deploy.local.places import ROOT

# compose.yaml refuses to start without these.
NEEDED = {
    "SECRET_KEY": "only-for-this-check",
    "PUBLIC_ORIGIN": "https://care.example.org",
    "POSTGRES_PASSWORD": "only-for-this-check",
}


def main() -> None:
    """Fail with a sentence when compose.yaml is not sound."""
    composed = yaml.safe_load((ROOT / "compose.yaml").read_text())
    services = composed["services"]
    for name, service in services.items():
        if "image" not in service and "build" not in service:
            raise SystemExit(f"compose.yaml: {name} has neither an image nor a build.")
        unknown = set(service.get("depends_on", {})) - set(services)
        if unknown:
            raise SystemExit(f"compose.yaml: {name} depends on {', '.join(sorted(unknown))}, which is not there.")
    if shutil.which("docker-compose"):
        command = ["docker-compose", "--file", str(ROOT / "compose.yaml"), "config", "--quiet"]
        subprocess.run(command, check=True, env={**os.environ, **NEEDED})


if __name__ == "__main__":
    main()
