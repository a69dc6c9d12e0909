"""
A photo and a signature from a real browser: taken without signal, sent when it is back, seen at the desk, and clean.
"""

import hashlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import TABLET, clear_by_radio
from tests.browser.test_offline import SOON, send

Enter = Callable[..., Page]
CANARY = "canary-47.6000N"


def photo_of_a_phone(path: Path) -> Path:
    """
    Write a photo that says where and by what it was taken, and lies on its side.
    """
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x9286] = CANARY
    exif.get_ifd(0x8825).update({1: "N", 2: (47.0, 36.0, 0.0), 3: "W", 4: (122.0, 20.0, 0.0)})
    Image.effect_noise((3200, 2400), 60).convert("RGB").save(path, "JPEG", exif=exif, quality=80)
    return path


def test_a_photo_and_a_signature_wait_for_signal_and_reach_the_desk_clean(
    waiting: str, enter: Enter, pictures: Path, tmp_path: Path
) -> None:
    desk, tablet = enter("dispatcher"), enter("tablet-1", size=TABLET)
    expect(tablet.get_by_text("Live", exact=True)).to_be_visible()
    send(desk, waiting, "CARE 12")
    tablet.get_by_role("button", name="Acknowledge, en route").click(timeout=10_000)
    tablet.context.set_offline(True)

    tablet.get_by_role("button", name="Photo", exact=True).click()
    tablet.locator("label.camera input").first.set_input_files(photo_of_a_phone(tmp_path / "door.jpg"))
    expect(tablet.get_by_role("heading", name="Attach this photo")).to_be_visible()
    tablet.get_by_label("What it shows").fill("The side door")
    tablet.screenshot(path=pictures / "photo-sheet.png")
    tablet.get_by_role("button", name="Attach the photo").click()
    tablet.get_by_role("button", name="Photo", exact=True).click()
    tablet.get_by_role("button", name="Signature").click()
    tablet.get_by_role("button", name="Attach the signature").click()
    expect(tablet.get_by_text("Nobody has signed yet.")).to_be_visible()
    box = tablet.locator("canvas.sign").bounding_box()
    assert box is not None
    tablet.mouse.move(box["x"] + 60, box["y"] + 60)
    tablet.mouse.down()
    for step in range(12):
        tablet.mouse.move(box["x"] + 60 + 30 * step, box["y"] + 60 + (40 if step % 2 else 0))
    tablet.mouse.up()
    tablet.screenshot(path=pictures / "signature.png")
    tablet.get_by_role("button", name="Attach the signature").click()

    mine = tablet.locator(".photos .photo")
    expect(mine).to_have_count(2)
    expect(mine.nth(0)).to_contain_text("waiting to send")
    expect(mine.nth(0).locator("img")).to_be_visible()
    tablet.screenshot(path=pictures / "photos-waiting.png")

    tablet.context.set_offline(False)

    expect(mine.get_by_text("at the desk")).to_have_count(2, timeout=2 * SOON)
    theirs = desk.locator("#detail-photos .photo")
    expect(theirs).to_have_count(2)
    expect(theirs.nth(0)).to_contain_text("The side door")
    with desk.expect_request(lambda asked: "/api/attachments/" in asked.url and "small" not in asked.url) as large:
        theirs.nth(0).click()
    expect(desk.locator("dialog.picture img")).to_be_visible()
    desk.screenshot(path=pictures / "desk-photo.png")
    # Once more by hand: the browser keeps nothing of the first answer.
    answer = desk.context.request.get(large.value.url)
    assert answer.headers["content-type"] == "image/jpeg"
    data = answer.body()
    assert CANARY.encode() not in data
    with Image.open(BytesIO(data)) as seen:
        assert not dict(seen.getexif())
        # Turned upright, and no larger than it needs to be.
        assert seen.size == (1920, 2560)
    assert hashlib.sha256(data).hexdigest() not in large.value.url, "what is kept is not what was sent"
    desk.keyboard.press("Escape")
    expect(desk.locator("dialog.picture")).to_have_count(0)
    clear_by_radio(desk, "CARE 12")
    expect(mine).to_have_count(0)
