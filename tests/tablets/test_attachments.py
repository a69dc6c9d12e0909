"""
Photos and signatures come in: in pieces, again, wrong, and as what they are not.
"""

import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import BytesIO
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from journal.door import open_door
from journal.models import Document, Entry
from tablets import picture
from tablets.actions import attach
from tablets.models import Attachment, AttachmentContent, AttachmentPart
from tablets.picture import NotAPicture, clean
from tablets.queries import GIVEN_UP_AFTER, NEVER_AFTER
from tablets.tasks import forget_attachments
from tests.factories import pictures, tablets
from tests.factories import responders as make

CANARY = b"GPS-canary-47.6110N"


def sender() -> Client:
    return tablets.paired(make.unit(make.agency())).client


def begin(client: Client, data: bytes, *, media_type: str = "image/jpeg", name: str | None = None) -> Any:
    body = {"sha256": name or pictures.name_of(data), "size": len(data), "type": media_type}
    return client.post("/api/attachments/", body, "application/json")


def append(client: Client, name: str, data: bytes, offset: int) -> Any:
    return client.patch(
        f"/api/attachments/{name}/", data, "application/offset+octet-stream", headers={"Upload-Offset": str(offset)}
    )


def send(client: Client, data: bytes) -> Any:
    begin(client, data)
    return append(client, pictures.name_of(data), data, 0)


def exif_of_a_phone(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Phone"
    exif[0x9286] = CANARY.decode()
    exif.get_ifd(0x8825).update({1: "N", 2: (47.0, 36.0, 39.6), 3: "W", 4: (122.0, 20.0, 13.2)})
    return exif


# --- what is a picture, and what is left of it ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_nothing_of_a_phone_is_left_in_its_picture(kind: str) -> None:
    profile = CANARY * 20
    extra: dict[str, Any] = {"exif": exif_of_a_phone(), "icc_profile": profile, "xmp": b"<x:xmpmeta>" + CANARY}
    if kind == "JPEG":
        extra |= {"comment": CANARY, "dpi": (72, 72)}
    if kind == "PNG":
        notes = PngInfo()
        notes.add_text("Comment", CANARY.decode())
        notes.add_itxt("XML:com.adobe.xmp", CANARY.decode())
        extra = {"pnginfo": notes, "exif": exif_of_a_phone(), "icc_profile": profile}
    given = pictures.picture(kind, **extra)
    assert CANARY in given, "the test's own picture says nothing that could leak"

    new = clean(given)

    for data in (new.data, new.thumbnail):
        assert CANARY not in data
        for mark in (
            b"Exif",
            b"EXIF",
            b"eXIf",
            b"XMP",
            b"xmpmeta",
            b"ICC",
            b"iCCP",
            b"tEXt",
            b"iTXt",
            b"zTXt",
            b"Phone",
        ):
            assert mark not in data, mark
        with Image.open(BytesIO(data)) as image:
            assert not dict(image.getexif())
            assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "background", "loop"}
    assert (new.type, new.width, new.height) == (picture.TYPES[kind], 64, 48)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright_before_its_metadata_go(kind: str, orientation: int) -> None:
    red_at = {1: "top", 2: "top", 3: "bottom", 4: "bottom", 5: "left", 6: "right", 7: "right", 8: "left"}[orientation]

    new = clean(pictures.halves(kind, exif=exif_of_a_phone(orientation)))

    with Image.open(BytesIO(new.data)) as image:
        turned = orientation >= 5
        assert image.size == ((48, 64) if turned else (64, 48))
        width, height = image.size
        points = {
            "top": (width // 2, 4),
            "bottom": (width // 2, height - 5),
            "left": (4, height // 2),
            "right": (width - 5, height // 2),
        }
        red, _, blue = image.convert("RGB").getpixel(points[red_at])  # type: ignore[misc]  # three bands
    assert red > 200 > 60 > blue


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "tail", [b"PK\x03\x04 an archive", b"<script>alert(1)</script>", b"%PDF-1.7", b"\x00" * 1000 + CANARY]
)
def test_what_hides_behind_a_picture_is_not_kept(kind: str, tail: bytes) -> None:
    new = clean(pictures.picture(kind) + tail)

    assert tail.strip(b"\x00") not in new.data


def test_further_frames_are_not_kept() -> None:
    out = BytesIO()
    first, second = Image.new("RGB", (20, 20), "red"), Image.new("RGB", (20, 20), "blue")
    first.save(out, "WEBP", save_all=True, append_images=[second], duration=10)

    with Image.open(BytesIO(clean(out.getvalue()).data)) as image:
        assert getattr(image, "n_frames", 1) == 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_is_taken(mode: str) -> None:
    out = BytesIO()
    Image.new(mode, (30, 20)).save(out, "PNG")

    new = clean(out.getvalue())

    assert (new.type, new.width, new.height) == ("image/png", 30, 20)


def test_a_printers_jpeg_becomes_one_for_screens() -> None:
    out = BytesIO()
    Image.new("CMYK", (30, 20)).save(out, "JPEG")

    with Image.open(BytesIO(clean(out.getvalue()).data)) as image:
        assert image.mode == "RGB"


def test_a_signature_keeps_its_transparent_ground_and_its_small_picture_has_paper() -> None:
    out = BytesIO()
    Image.new("RGBA", (400, 100)).save(out, "PNG")

    new = clean(out.getvalue())

    with Image.open(BytesIO(new.data)) as image:
        assert image.mode == "RGBA"
    with Image.open(BytesIO(new.thumbnail)) as small:
        assert small.size == (320, 80)
        assert small.getpixel((5, 5)) == (255, 255, 255)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    "data",
    [
        SVG,
        b'<?xml version="1.0"?>' + SVG,
        b"<!doctype html><script>alert(1)</script>",
        b"GIF89a" + b"\x00" * 40,
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"%PDF-1.7\n",
        b"BM" + b"\x00" * 60,
        b"II*\x00" + b"\x00" * 60,
        b"SIMPLE  =                    T",
        b"\x00\x00\x00\x18ftypheic",
        b"RIFF\x00\x00\x00\x00WAVEfmt ",
        b" " + pictures.picture("JPEG"),
        b"x",
    ],
)
def test_what_is_no_picture_of_ours_is_refused_by_its_first_bytes(data: bytes) -> None:
    with pytest.raises(NotAPicture) as no:
        clean(data)

    assert no.value.code == "not_a_picture"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_half_a_picture_is_damaged(kind: str) -> None:
    data = pictures.picture(kind)

    for length in (12, 20, len(data) // 2, len(data) - 40):
        with pytest.raises(NotAPicture) as no:
            clean(data[:length])
        assert no.value.code == "damaged"


def png_of(width: int, height: int, pixels: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height"), [(30_000, 30_000), (5_478, 5_478), (2**31 - 1, 2**31 - 1), (30_000_001, 1)]
)
def test_a_bomb_is_refused_before_it_is_unpacked(width: int, height: int) -> None:
    bomb = png_of(width, height, zlib.compress(b"\x00" * 1_000_000))

    with pytest.raises(NotAPicture) as no:
        clean(bomb)

    assert no.value.code == "too_many_pixels"


def test_a_webp_that_claims_a_huge_canvas_is_refused() -> None:
    # VP8X: a canvas of 16383 by 16383 around a frame of one pixel.
    frame = pictures.picture("WEBP", size=(1, 1))[12:]
    canvas = b"VP8X" + struct.pack("<I", 10) + b"\x02\x00\x00\x00" + (16_382).to_bytes(3, "little") * 2
    animation = b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    inner = b"\x00" * 12 + b"\x00\x00\x00\x00" + frame
    frames = b"ANMF" + struct.pack("<I", len(inner)) + inner
    body = b"WEBP" + canvas + animation + frames
    bomb = b"RIFF" + struct.pack("<I", len(body)) + body

    with pytest.raises(NotAPicture) as no:
        clean(bomb)

    assert no.value.code in {"too_many_pixels", "damaged"}


def test_a_text_chunk_that_unpacks_to_gigabytes_is_refused() -> None:
    text = b"Comment\x00\x00" + zlib.compress(b"\x00" * 70_000_000, 9)
    whole = pictures.picture("PNG")
    chunk = struct.pack(">I", len(text)) + b"zTXt" + text + struct.pack(">I", zlib.crc32(b"zTXt" + text))

    with pytest.raises(NotAPicture) as no:
        clean(whole[:33] + chunk + whole[33:])

    assert no.value.code == "damaged"


def test_the_program_that_looks_knows_none_of_our_secrets(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # The real program with one line before it, which tells what it can see.
    spy = tmp_path / "picture.py"
    spy.write_text('import os, sys\nsys.stdout.write(f\'{{"code": "{",".join(sorted(os.environ))}"}}\\n\')\n')
    monkeypatch.setattr(picture, "__file__", str(spy))
    monkeypatch.setenv("SECRET_OF_OURS", "x")

    seen = attach._made_anew(b"", is_last_try=False)

    assert isinstance(seen, str)
    assert set(seen.split(",")) <= {"LC_CTYPE", ""}


@pytest.mark.parametrize(
    "crash", ["import os; os.abort()", "import time; time.sleep(60)", "import sys; sys.exit(1)", "print('x')"]
)
def test_a_reader_that_crashes_or_hangs_is_tried_again_and_then_given_up(
    crash: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "picture.py"
    broken.write_text(crash + "\n" if crash != "print('x')" else "import sys; sys.stdout.write('x')\n")
    monkeypatch.setattr(picture, "__file__", str(broken))
    monkeypatch.setattr(attach, "LOOK_SECONDS", 1)

    assert attach._made_anew(b"", is_last_try=False) is None
    assert attach._made_anew(b"", is_last_try=True) == "damaged"


# --- pieces -----------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_picture_in_one_piece_is_kept_clean_and_its_own_bytes_are_dropped() -> None:
    client, data = sender(), pictures.picture(exif=exif_of_a_phone())

    begun, done = begin(client, data), append(client, pictures.name_of(data), data, 0)

    assert begun.json() == {
        "sha256": pictures.name_of(data),
        "offset": 0,
        "size": len(data),
        "state": "WAITING",
        "code": None,
    }
    assert (done.status_code, done.json()["state"], done.json()["offset"]) == (200, "READY", len(data))
    kept = AttachmentContent.objects.get()
    assert CANARY not in bytes(kept.data)
    assert not AttachmentPart.objects.exists()
    row = Attachment.objects.get()
    assert (row.type, row.width, row.height, row.stored_size) == ("image/jpeg", 64, 48, len(bytes(kept.data)))
    entry = Entry.objects.get(about=f"attachment.{row.pk}")
    assert (entry.kind, entry.data) == ("attachment.ready", {"type": "image/jpeg", "size": row.stored_size})


@pytest.mark.django_db(transaction=True)
def test_an_upload_goes_on_from_wherever_it_stopped() -> None:
    pair, data = tablets.paired(make.unit(make.agency())), pictures.picture("PNG", size=(9, 7))
    name, now = pictures.name_of(data), datetime.now(UTC)
    whose: Any = {"agency_id": pair.tablet.agency_id, "sha256": name}

    def begun() -> int:
        with open_door(by="system:test", at=now):
            return attach.begin(**whose, tablet_id=pair.tablet.pk, size=len(data), by="system:test", at=now).offset

    for stop in range(1, len(data)):
        Attachment.objects.all().delete()
        begun()
        attach.append(**whose, offset=0, data=data[:stop], at=now)
        # Whatever the tablet forgot of it, it asks.
        assert (attach.state_of(**whose).offset, begun()) == (stop, stop)
        assert attach.append(**whose, offset=stop, data=data[stop:], at=now).offset == len(data)
        assert b"".join(bytes(part.data) for part in AttachmentPart.objects.order_by("offset")) == data
    asked = pair.client.head(f"/api/attachments/{name}/")
    assert (asked.status_code, asked.headers["Upload-State"]) == (200, "WAITING")
    assert asked.headers["Upload-Offset"] == asked.headers["Upload-Length"] == str(len(data))
    # All of it is here and was never looked at: asking is enough.
    assert begin(pair.client, data).json()["state"] == "READY"


@pytest.mark.django_db(transaction=True)
def test_a_chunk_that_comes_twice_or_too_early_changes_nothing() -> None:
    client, data = sender(), pictures.picture()
    name = pictures.name_of(data)
    begin(client, data)
    append(client, name, data[:100], 0)

    again, early = append(client, name, data[:100], 0), append(client, name, data[200:], 200)

    for answer in (again, early):
        assert (answer.status_code, answer.json()["code"]) == (409, "attachment_wrong_offset")
        assert answer.headers["Upload-Offset"] == "100"
        assert answer.json()["facts"] == {"offset": 100}
    assert append(client, name, data[100:], 100).json()["state"] == "READY"
    assert append(client, name, data[100:], 100).json()["state"] == "READY"


@pytest.mark.django_db(transaction=True)
def test_other_bytes_than_were_named_are_dropped_and_the_tablet_begins_again() -> None:
    client, data = sender(), pictures.picture()
    name, wrong = pictures.name_of(data), bytes(len(data))
    begin(client, data)

    answer = append(client, name, wrong, 0)

    assert (answer.status_code, answer.json()["code"]) == (422, "attachment_hash_wrong")
    assert not AttachmentPart.objects.exists()
    assert begin(client, data).json()["offset"] == 0
    assert append(client, name, data, 0).json()["state"] == "READY"


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_no_picture_is_refused_for_good() -> None:
    client = sender()

    answer = send(client, SVG)

    assert (answer.status_code, answer.json()["state"], answer.json()["code"]) == (200, "REFUSED", "not_a_picture")
    assert begin(client, SVG).json()["state"] == "REFUSED"
    assert not AttachmentPart.objects.exists()
    assert not AttachmentContent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_more_than_was_said_is_refused() -> None:
    client, data = sender(), pictures.picture()
    begin(client, data)

    answer = append(client, pictures.name_of(data), data + b"x", 0)

    assert (answer.status_code, answer.json()["code"]) == (413, "attachment_too_long")
    assert append(client, pictures.name_of(data), data, 0).json()["state"] == "READY"


@pytest.mark.django_db(transaction=True)
def test_bytes_of_what_nobody_named_are_refused() -> None:
    client = sender()

    answer = append(client, "0" * 64, b"x", 0)

    assert (answer.status_code, answer.json()["code"]) == (404, "attachment_not_begun")
    assert client.head(f"/api/attachments/{'0' * 64}/").status_code == 404
    assert append(client, "0" * 63 + "/", b"x", 0).status_code == 404
    assert append(client, "G" * 64, b"x", 0).status_code == 404


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 0},
        {"size": picture.MAX_BYTES + 1},
        {"size": -1},
        {"type": "image/svg+xml"},
        {"type": "text/html"},
        {"sha256": "0" * 63},
        {"sha256": "0" * 63 + "\n"},
        {"sha256": "A" * 64},
        {"caption": "x"},
    ],
)
def test_what_cannot_be_a_picture_does_not_begin(wrong: dict[str, Any]) -> None:
    body = {"sha256": "0" * 64, "size": 100, "type": "image/png"} | wrong

    answer = sender().post("/api/attachments/", body, "application/json")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_args")
    assert not Attachment.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("offset", ["", "-1", "x", "1.5", "9" * 30, "0x0"])
def test_an_offset_is_a_whole_number(offset: str) -> None:
    client, data = sender(), pictures.picture()
    begin(client, data)

    answer = client.patch(
        f"/api/attachments/{pictures.name_of(data)}/",
        data,
        "application/offset+octet-stream",
        headers={"Upload-Offset": offset},
    )

    assert answer.status_code == 400


@pytest.mark.django_db(transaction=True)
def test_a_chunk_has_a_size_and_a_type() -> None:
    client, data = sender(), pictures.picture("PNG", size=(400, 400))
    name = pictures.name_of(data)
    assert len(data) > 2**18
    begin(client, data)

    too_large = append(client, name, data[: 2**18 + 1], 0)
    form = client.patch(f"/api/attachments/{name}/", data[:9], "image/jpeg", headers={"Upload-Offset": "0"})
    largest = append(client, name, data[: 2**18], 0)
    nothing = append(client, name, b"", 2**18)

    assert (too_large.status_code, form.status_code) == (413, 415)
    assert (largest.status_code, largest.json()["offset"]) == (200, 2**18)
    assert nothing.json()["offset"] == 2**18


@pytest.mark.django_db(transaction=True)
def test_a_new_size_begins_again() -> None:
    client, data = sender(), pictures.picture()
    name = pictures.name_of(data)
    client.post("/api/attachments/", {"sha256": name, "size": 20, "type": "image/png"}, "application/json")
    append(client, name, data[:10], 0)

    assert begin(client, data).json()["offset"] == 0
    assert append(client, name, data, 0).json()["state"] == "READY"


# --- at once ----------------------------------------------------------------------------------------------------------------


def at_once(*acts: Any) -> list[Any]:
    start = Barrier(len(acts))

    def run(act: Any) -> Any:
        start.wait()
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_uploaders_at_once_keep_each_byte_once() -> None:
    unit = make.unit(make.agency())
    data = pictures.picture(size=(80, 60))
    name = pictures.name_of(data)

    def upload(client: Client) -> str:
        while True:
            answer = begin(client, data)
            while answer.status_code in {200, 409}:
                body = answer.json()
                if body.get("state") == "READY":
                    return "READY"
                offset = int(answer.headers["Upload-Offset"])
                answer = append(client, name, data[offset : offset + 700], offset)
            assert answer.status_code == 503, answer.content

    clients = [tablets.paired(unit).client for _ in range(3)]
    results = at_once(*[lambda client=client: upload(client) for client in clients])

    assert results == ["READY"] * 3
    assert Attachment.objects.get().state == "READY"
    assert not AttachmentPart.objects.exists()
    assert Entry.objects.filter(kind="attachment.ready").count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_the_first_word_of_one_content_may_be_said_by_many_at_once() -> None:
    unit = make.unit(make.agency())
    data = pictures.picture()
    clients = [tablets.paired(unit).client for _ in range(4)]

    answers = at_once(*[lambda client=client: begin(client, data) for client in clients])

    assert [answer.status_code for answer in answers] == [200] * 4
    assert Attachment.objects.count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_the_bound_holds_when_one_tablet_begins_much_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attach, "MAX_UNFINISHED_BYTES", 2_500)
    client = sender()

    def one(number: int) -> int:
        body = {"sha256": f"{number:064d}", "size": 1_000, "type": "image/png"}
        return client.post("/api/attachments/", body, "application/json").status_code

    answers = at_once(*[lambda number=number: one(number) for number in range(6)])

    assert sorted(answers) == [200, 200, 409, 409, 409, 409]


# --- bounds, and what is given up -------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_tablet_may_leave_only_so_much_unfinished() -> None:
    pair = tablets.paired(make.unit(make.agency()))
    for number in range(5):
        body = {"sha256": f"{number:064d}", "size": picture.MAX_BYTES, "type": "image/png"}
        assert pair.client.post("/api/attachments/", body, "application/json").status_code == 200

    data = pictures.picture()
    answer = begin(pair.client, data)

    assert (answer.status_code, answer.json()["code"]) == (409, "attachments_unfinished")
    assert answer.json()["facts"] == {"bytes": 50_000_000, "limit": 50_000_000}
    # Another tablet's are its own, and what is finished counts no more.
    assert begin(tablets.paired(pair.tablet.unit).client, data).status_code == 200


def age_all(by: timedelta) -> None:
    with open_door(by="system:test", at=datetime.now(UTC)):
        for row in Attachment.objects.all():
            row.touched_at -= by
            row.save(update_fields=["touched_at"])


@pytest.mark.django_db(transaction=True)
def test_an_upload_that_nobody_finishes_is_given_up_and_may_begin_again() -> None:
    client, data = sender(), pictures.picture()
    name = pictures.name_of(data)
    begin(client, data)
    append(client, name, data[:50], 0)

    assert forget_attachments() == 0
    age_all(GIVEN_UP_AFTER + timedelta(minutes=1))
    assert (forget_attachments(), forget_attachments()) == (1, 0)

    assert not AttachmentPart.objects.exists()
    assert append(client, name, data[50:], 50).json()["code"] == "attachment_not_begun"
    assert begin(client, data).json()["offset"] == 0
    assert append(client, name, data, 0).json()["state"] == "READY"


@pytest.mark.django_db(transaction=True)
def test_what_nobody_refers_to_is_removed_and_what_is_needed_stays() -> None:
    client, loose, needed = sender(), pictures.picture(seed=1), pictures.picture(seed=2)
    send(client, loose)
    send(client, needed)
    with open_door(by="system:test", at=datetime.now(UTC)):
        row = Attachment.objects.get(sha256=pictures.name_of(needed))
        attach.need(agency_id=row.agency_id, sha256=row.sha256, at=datetime.now(UTC))

    age_all(NEVER_AFTER + timedelta(minutes=1))

    assert (forget_attachments(), forget_attachments()) == (1, 0)
    assert Attachment.objects.get().pk == row.pk
    assert AttachmentContent.objects.get().pk == row.pk


@pytest.mark.django_db(transaction=True)
def test_what_never_came_says_so_and_may_still_come() -> None:
    pair, data = tablets.paired(make.unit(make.agency())), pictures.picture()
    with open_door(by="system:test", at=datetime.now(UTC)):
        attach.need(agency_id=pair.tablet.agency_id, sha256=pictures.name_of(data), at=datetime.now(UTC))

    age_all(NEVER_AFTER + timedelta(minutes=1))
    assert (forget_attachments(), forget_attachments()) == (1, 0)
    row = Attachment.objects.get()
    assert (row.state, row.code) == ("REFUSED", "never_came")

    assert send(pair.client, data).json()["state"] == "READY"
    assert [entry.kind for entry in Entry.objects.filter(about=f"attachment.{row.pk}").order_by("number")] == [
        "attachment.refused",
        "attachment.came_after_all",
        "attachment.ready",
    ]


# --- who --------------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_another_agencys_upload_is_another_upload() -> None:
    data = pictures.picture()
    send(sender(), data)

    assert begin(sender(), data).json()["state"] == "WAITING"
    assert Attachment.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_tablet_with_nobody_signed_on_may_send_and_sees_nothing() -> None:
    client, data = sender(), pictures.picture()

    assert send(client, data).json()["state"] == "READY"
    assert client.get(f"/api/attachments/{pictures.name_of(data)}/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_bytes_on_their_way_make_no_document() -> None:
    client, data = sender(), pictures.picture()
    before = Document.objects.count()

    begin(client, data)
    append(client, pictures.name_of(data), data[:50], 0)

    assert Document.objects.count() == before
