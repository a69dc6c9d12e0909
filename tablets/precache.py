"""
What the tablet app needs to start without a network: its pages, and every file with a hash of its content.

The version is a hash of all of it, so a new release is a new version without anybody counting it up, and the same release
has the same version in every web process. Files are hashed as they are served: from where collectstatic put them, with a
hash in their names or without, else from where they lie.
"""

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template.loader import render_to_string
from django.utils.module_loading import import_string

from tablets import ground

# The pages that open without a network, and what they are made of.
PAGES = {
    "/tablet/": "tablets/app.html",
    "/tablet/pair/": "tablets/pair.html",
    "/tablet/sign-on/": "tablets/sign_on.html",
}
WORKER = "tablets/worker.js"
_OWN = Path(__file__).parent / "static"
# Of the libraries only what the app takes in.
_LIBRARIES = (
    "leaflet/leaflet-src.esm.js",
    "leaflet/leaflet.css",
    "uswds/fonts/public-sans/PublicSans-Bold.woff2",
    "uswds/fonts/public-sans/PublicSans-Regular.woff2",
    "uswds/img/sprite.svg",
)
_KINDS = frozenset({".css", ".js", ".svg"})


@dataclass(frozen=True, slots=True)
class Precache:
    """
    One release of the app, as a tablet keeps it.

    ``files`` has the address of each file and its hash as subresource integrity writes it: ``sha256-<base64>``.
    """

    version: str
    pages: tuple[str, ...]
    files: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """
        Return what the service worker is told.
        """
        return {"version": self.version, "pages": self.pages, "files": self.files}


def precache() -> Precache:
    """
    Return this release. Reckoned anew when a file has changed: collectstatic may have run under this process.
    """
    return _reckon_once(tuple(_stamps()))


def names() -> list[str]:
    """
    Return the names of all static files that the app needs, without those that only the browser's installer wants.
    """
    own = (path.relative_to(_OWN).as_posix() for path in _OWN.rglob("*") if path.suffix in _KINDS)
    wanted = {name for name in [*own, *_of_parts()] if not name.endswith(".d.ts")} - {WORKER}
    collected = Path(settings.STATIC_ROOT)
    if not settings.DEBUG and (collected / WORKER).is_file():
        # A file that was added under a running site is not served yet.
        wanted = {name for name in wanted if (collected / name).is_file()}
    return sorted(wanted | set(_LIBRARIES))


def page_context() -> dict[str, Any]:
    """
    Return what the pages are told, the version aside: nobody's data.
    """
    return {
        "config": {
            "demo": settings.DEMO,
            "tiles": {"url": settings.TILES_URL, "attribution": settings.TILES_ATTRIBUTION},
            # What the codes in documents mean; each app says it of its own, the settings say where.
            "words": {name: import_string(path) for name, path in settings.TABLET_WORDS.items()},
            # As modules name each other, so that none is loaded twice.
            "parts": [f"{settings.STATIC_URL}{name}" for name in settings.TABLET_PARTS],
        },
        "styles": [name for name in map(_style, settings.TABLET_PARTS) if finders.find(name)],
    }


def worker_source() -> str:
    """
    Return the service worker, with this release and the origins of map tiles before it.
    """
    told = {**precache().as_dict(), "tiles": settings.TILE_ORIGINS if settings.TILES_URL else []}
    return f"self.PRECACHE = {_json(told)};\n{_read(WORKER).decode()}"


def content(name: str) -> bytes:
    """
    Return a static file as it is served.
    """
    return _read(name)


def address(name: str) -> str:
    """
    Return where a static file is served: with the hash of its content in its name where the storage puts one there.
    """
    return str(staticfiles_storage.url(name))


def _of_parts() -> Iterator[str]:
    """
    Yield the names of all files in the folders of the parts that other apps bring.
    """
    for folder in sorted({PurePosixPath(name).parent for name in settings.TABLET_PARTS}):
        place = finders.find(str(folder))
        assert isinstance(place, str), f"{folder} is not there; settings.TABLET_PARTS names a module in it"
        for path in Path(place).rglob("*"):
            if path.suffix in _KINDS:
                yield f"{folder}/{path.relative_to(place).as_posix()}"


def _style(module: str) -> str:
    return str(PurePosixPath(module).with_suffix(".css"))


def _stamps() -> Iterator[tuple[str, int, int]]:
    # Some fifty calls of stat, a millisecond: nothing beside reading the files, and pages are asked for rarely.
    for name in [*names(), WORKER]:
        found = _place(name).stat()
        yield name, found.st_mtime_ns, found.st_size


@lru_cache(maxsize=1)
def _reckon_once(_stamps: tuple[tuple[str, int, int], ...]) -> Precache:
    files = {address(name): _integrity(_read(_stored(name))) for name in names()}
    # Modules name each other as they lie, whatever the pages call them.
    files |= {f"{settings.STATIC_URL}{name}": _integrity(_read(name)) for name in names() if name.endswith(".js")}
    files[ground.ADDRESS] = _integrity(ground.read())
    said = [_json(files), _read(WORKER).decode(), _json(settings.TILE_ORIGINS)]
    # Without a request there is no nonce in them: they differ from the pages as served in that alone.
    said += [render_to_string(template, page_context()) for template in PAGES.values()]
    version = sha256("\n".join(said).encode()).hexdigest()[:16]
    return Precache(version=version, pages=tuple(PAGES), files=files)


def _stored(name: str) -> str:
    return str(staticfiles_storage.stored_name(name)) if hasattr(staticfiles_storage, "stored_name") else name


def _read(name: str) -> bytes:
    return _place(name).read_bytes()


def _place(name: str) -> Path:
    collected = Path(settings.STATIC_ROOT) / name
    if not settings.DEBUG and collected.is_file():
        return collected
    # Nothing was collected, or what was is older than what is served: `runserver` and tests.
    found = finders.find(name)
    assert isinstance(found, str), f"{name} is not there; `make install` installs the libraries"
    return Path(found)


def _integrity(content: bytes) -> str:
    return f"sha256-{b64encode(sha256(content).digest()).decode()}"


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
