"""
The tablet's service worker and manifest: all that the app needs is kept, under a version that follows the content.
"""

import json
import re
import struct
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test import Client
from pytest_django.fixtures import Settings

from responders.seattle import DRAWN
from tablets import ground, precache

PAGES = ["/tablet/", "/tablet/pair/", "/tablet/sign-on/"]
IMPORT = re.compile(
    r"""(?:^|\n)(?:import|export)\s[^;'"=]*?\bfrom\s*["']([^"']+)["']|(?:^|\n)import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']"""
)
URL = re.compile(r"""url\(["']?([^)"']+)["']?\)""")


@pytest.fixture(autouse=True)
def as_at_the_start_of_a_process(settings: Settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path / "static"
    settings.GROUND_LAND, settings.GROUND_LINES = "", []
    precache._reckon_once.cache_clear()


def served_by(worker: str) -> dict[str, Any]:
    """
    Return what the worker is told.
    """
    told = re.match(r"self\.PRECACHE = (\{.*?\});\n", worker)
    assert told is not None
    return dict(json.loads(told[1]))


def source(address: str) -> str:
    """
    Return the text of a static file by its address.
    """
    found = finders.find(address.removeprefix("/static/"))
    assert isinstance(found, str), f"{address} is not there"
    return Path(found).read_text()


def reached_from(html: str) -> set[str]:
    """
    Return the addresses of all modules and styles that a page takes in, walking its imports.
    """
    left = set(re.findall(r'<(?:script|link)[^>]*\s(?:src|href)="(/static/[^"]+\.(?:js|css))"', html))
    # What other apps bring is named by the page alone.
    left |= {name for names in re.findall(r'"parts": (\[[^\]]*\])', html) for name in json.loads(names)}
    seen: set[str] = set()
    while left:
        address = left.pop()
        seen.add(address)
        if not address.endswith(".js"):
            continue
        # A comment may speak of an import; strings of ours never hold one.
        text = re.sub(r"/\*.*?\*/", "", source(address), flags=re.DOTALL)
        named = {"".join(found) for found in IMPORT.findall(text)}
        left |= {urljoin(address, name) for name in named} - seen
    return seen


@pytest.mark.django_db
@pytest.mark.parametrize("path", PAGES)
def test_every_module_that_a_page_takes_in_is_kept(client: Client, path: str) -> None:
    kept = served_by(client.get("/tablet/sw.js").content.decode())

    reached = reached_from(client.get(path).content.decode())

    assert len(reached) >= 4
    assert "/static/tablets/line.js" in reached or path != "/tablet/"
    assert sorted(reached - set(kept["files"])) == []
    assert path in kept["pages"]


@pytest.mark.django_db
def test_every_font_icon_and_drawing_is_kept(client: Client) -> None:
    kept = set(served_by(client.get("/tablet/sw.js").content.decode())["files"])
    html = client.get("/tablet/").content.decode()

    drawn = re.findall(r'content="(/static/[^"]+)"|rel="(?:icon|preload)"[^>]* href="(/static/[^"]+)"', html)
    from_styles = {
        urljoin("/static/tablets/tablet.css", url) for url in URL.findall(source("/static/tablets/tablet.css"))
    }

    assert {one or other for one, other in drawn} | from_styles <= kept
    assert ground.ADDRESS in kept


@pytest.mark.django_db
def test_what_is_kept_has_the_hash_of_what_is_served(client: Client) -> None:
    kept = served_by(client.get("/tablet/sw.js").content.decode())["files"]

    for address, integrity in kept.items():
        content = client.get(address).content if address == ground.ADDRESS else source_bytes(address)
        assert integrity == f"sha256-{b64encode(sha256(content).digest()).decode()}", address


def source_bytes(address: str) -> bytes:
    found = finders.find(address.removeprefix("/static/"))
    assert isinstance(found, str)
    return Path(found).read_bytes()


@pytest.mark.django_db
def test_nothing_of_the_api_is_kept(client: Client) -> None:
    kept = served_by(client.get("/tablet/sw.js").content.decode())

    assert not [address for address in [*kept["files"], *kept["pages"]] if address.startswith("/api")]


@pytest.mark.django_db
def test_the_worker_is_asked_for_each_time_and_may_rule_the_app_only(client: Client) -> None:
    response = client.get("/tablet/sw.js")

    assert response["Content-Type"] == "text/javascript; charset=utf-8"
    assert response["Service-Worker-Allowed"] == "/tablet/"
    assert response["Cache-Control"] == "no-cache"
    assert "connect-src 'self'" in response["Content-Security-Policy"]


@pytest.mark.django_db
def test_pages_and_worker_are_of_one_release(client: Client) -> None:
    version = served_by(client.get("/tablet/sw.js").content.decode())["version"]

    assert [client.get(path)["X-Release"] for path in PAGES] == [version] * 3
    assert f'"release": "{version}"' in client.get("/tablet/").content.decode()


@pytest.mark.django_db
def test_two_processes_reckon_the_same_version(client: Client) -> None:
    first = client.get("/tablet/sw.js").content
    precache._reckon_once.cache_clear()

    assert client.get("/tablet/sw.js").content == first


@pytest.mark.parametrize("changed", ["tablets/app.js", "tablets/dom.js", "tablets/tablet.css"])
def test_a_file_that_is_collected_anew_is_a_new_version(settings: Settings, changed: str) -> None:
    before = precache.precache().version
    collected = Path(settings.STATIC_ROOT) / changed
    collected.parent.mkdir(parents=True)
    collected.write_text(source(f"/static/{changed}") + "\n")

    assert precache.precache().version != before


def test_the_app_and_its_parts_are_told_every_word_that_they_ask_for(settings: Settings) -> None:
    sources = [source(f"/static/{name}") for name in ("tablets/app.js", *settings.TABLET_PARTS)]
    asked = {name for text in sources for name in re.findall(r"""(?:config|kit)\.words(?:\?\.|\[")(\w+)""", text)}

    told = precache.page_context()["config"]["words"]

    assert asked == told.keys()
    assert all(told.values())


@pytest.mark.django_db
def test_what_another_app_brings_is_kept_with_its_style_and_its_folder(client: Client, settings: Settings) -> None:
    settings.TABLET_PARTS = []
    without = precache.precache()
    # Any module of another app that has a style of its own name, and neighbours.
    settings.TABLET_PARTS = ["dashboard/supervisor.js"]

    kept = precache.precache()
    reached = reached_from(client.get("/tablet/").content.decode())

    brought = {f"/static/dashboard/{name}" for name in ("supervisor.js", "supervisor.css", "orders.js")}
    assert brought <= kept.files.keys() - without.files.keys()
    assert kept.version != without.version
    assert brought <= reached


def test_a_file_that_was_not_collected_yet_is_not_asked_for(settings: Settings) -> None:
    collected = Path(settings.STATIC_ROOT) / "tablets"
    collected.mkdir(parents=True)
    for name in ("worker.js", "app.js"):
        (collected / name).write_text(source(f"/static/tablets/{name}"))

    kept = precache.precache().files

    assert "/static/tablets/app.js" in kept
    assert "/static/tablets/line.js" not in kept


def test_a_changed_setting_of_the_pages_is_a_new_version(settings: Settings) -> None:
    before = precache.precache().version
    precache._reckon_once.cache_clear()
    settings.TILES_URL = "https://tiles.example.org/{z}/{x}/{y}.png"

    assert precache.precache().version != before


def test_files_with_a_hash_in_their_names_are_kept_under_those(settings: Settings, tmp_path: Path) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "tests.tablets.test_precache.Hashed"},
    }
    settings.STATIC_ROOT = tmp_path / "hashed"
    call_command("collectstatic", "--noinput", "--verbosity", "0")

    kept = precache.precache().files

    named = [address for address in kept if re.search(r"/app\.[0-9a-f]{12}\.js$", address)]
    assert len(named) == 1
    # A module imports its neighbours by their plain names, and finds them.
    assert "/static/tablets/line.js" in kept
    styled = [address for address in kept if re.search(r"/tablet\.[0-9a-f]{12}\.css$", address)]
    text = (settings.STATIC_ROOT / styled[0].removeprefix("/static/")).read_text()
    assert {urljoin(styled[0], url) for url in URL.findall(text)} <= set(kept)
    assert kept[styled[0]] == f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


@pytest.mark.django_db
def test_the_manifest_installs_an_app_with_icons_that_are_there(client: Client) -> None:
    response = client.get("/tablet/app.webmanifest")
    manifest = response.json()

    assert response["Content-Type"] == "application/manifest+json"
    assert (manifest["start_url"], manifest["scope"], manifest["display"]) == ("/tablet/", "/tablet/", "standalone")
    purposes = set()
    for icon in manifest["icons"]:
        content = source_bytes(icon["src"])
        assert content.startswith(b"\x89PNG")
        assert "{}x{}".format(*struct.unpack(">II", content[16:24])) == icon["sizes"]
        purposes.add((icon["sizes"], icon["purpose"]))
    assert purposes == {("192x192", "any"), ("512x512", "any"), ("512x512", "maskable")}
    for path in PAGES:
        assert 'rel="manifest" href="/tablet/app.webmanifest"' in client.get(path).content.decode()


SQUARE = [[0.0, 0.0], [0.0, 0.01], [0.01, 0.01], [0.01, 0.0], [0.0, 0.0]]


def outlines(path: Path, *rings: list[list[float]]) -> str:
    features = [{"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}} for ring in rings]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return str(path)


def test_a_shared_edge_is_drawn_once_and_water_has_no_streets(settings: Settings, tmp_path: Path) -> None:
    settings.GROUND_LAND = outlines(tmp_path / "land.json", SQUARE)
    beside = [[x + 0.005, y] for x, y in SQUARE]
    settings.GROUND_LINES = [outlines(tmp_path / "beats.json", SQUARE, beside)]

    drawn = json.loads(ground.read())

    assert len(drawn["land"]) == 1
    points = [tuple(point) for line in drawn["lines"] for point in line]
    assert all(0 <= x <= 0.01 for x, _ in points)
    edges = [
        frozenset(pair)
        for line in drawn["lines"]
        for pair in zip(map(tuple, line), map(tuple, line[1:]), strict=False)
    ]
    assert len(edges) == len(set(edges))


def test_a_file_that_is_no_outline_says_so(settings: Settings, tmp_path: Path) -> None:
    settings.GROUND_LAND = str(tmp_path / "missing.json")

    with pytest.raises(ImproperlyConfigured, match=r"missing\.json"):
        ground.read()


def test_a_ground_that_is_too_large_is_drawn_coarsely_or_not_at_all(settings: Settings, tmp_path: Path) -> None:
    # A saw of 4,000 teeth, each about 20 m deep: too much at 3 m, little once the teeth are gone.
    saw = [[k * 1e-5, 0.0002 * (k % 2)] for k in range(40_000)] + [[0.4, 1.0], [0.0, 0.0]]
    settings.GROUND_LINES = [outlines(tmp_path / "saw.json", saw)]

    assert len(ground.read()) <= ground.MOST_BYTES


def test_the_areas_that_ship_can_be_drawn(settings: Settings) -> None:
    settings.GROUND_LAND = str(DRAWN)
    settings.GROUND_LINES = [str(DRAWN)]

    drawn = json.loads(ground.read())

    assert len(drawn["land"]) == 4
    assert drawn["lines"]


class Hashed(ManifestStaticFilesStorage):
    """
    Static files with a hash of their content in their names.
    """

    # USWDS' and Leaflet's styles refer to files that do not come with them.
    manifest_strict = False
