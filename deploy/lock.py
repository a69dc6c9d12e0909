"""Pin the dependencies of pyproject.toml, with hashes, into requirements/: `make lock`, `make lock UPGRADE=1`.

The files name no registry: whoever installs from them uses the one that his own pip is set up for.
"""

import subprocess
import sys

from deploy.local.places import ROOT

HEADER = "# Written by `make lock` from pyproject.toml, where each package has its reason. Do not edit.\n"
FILES = {"runtime.txt": [], "dev.txt": ["--group", "dev"]}


def main() -> None:
    """Write both files, keeping the versions that are there unless --upgrade is given."""
    for name, groups in FILES.items():
        path = ROOT / "requirements" / name
        command = ["uv", "pip", "compile", "--quiet", "pyproject.toml", *groups, "--output-file", str(path)]
        command += ["--universal", "--python-version", "3.11", "--generate-hashes"]
        command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
        subprocess.run([*command, *sys.argv[1:]], check=True, cwd=ROOT)
        path.write_text(HEADER + path.read_text().removeprefix(HEADER))
        print(f"Wrote requirements/{name}.")


if __name__ == "__main__":
    main()
