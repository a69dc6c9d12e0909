"""
A picture that somebody sent, made anew: decoded, turned upright, and written again without anything but its pixels.

Runs as a program of its own (``python -I picture.py``), because decoding is where a crafted file would strike: with a
bound on memory and time, no environment, no database, no file to write. It imports nothing of the project. The picture
comes on stdin; on stdout go one line of JSON and, where it is one, the new file and its thumbnail.

EXIF with its place and time, XMP, ICC profiles, comments, further frames and whatever follows the last byte of the
picture are never copied, so there is nothing to forget to remove. Colours outside of sRGB shift a little: a profile is
another stranger's program, and is not run.
"""

import json
import resource
import sys
import warnings
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

# What a tablet may send and what is kept of it, in bytes.
MAX_BYTES = 10_000_000
# 30 million pixels are 120 MB in memory, and turning them upright takes that twice.
MAX_PIXELS = 30_000_000
THUMBNAIL = (320, 320)
MEMORY_BYTES = 1 << 30
CPU_SECONDS = 15

TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
# How much of a photo's detail is kept: the second where the first is too large.
QUALITIES = (88, 70)
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class NotAPicture(Exception):
    """
    These bytes cannot be used; the code says why.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Picture:
    """
    A picture and nothing else. ``type`` is its media type; the thumbnail is a JPEG.
    """

    type: str
    width: int
    height: int
    data: bytes
    thumbnail: bytes


def clean(data: bytes) -> Picture:
    """
    Return what can be seen in a JPEG, PNG or WebP, as a new file of the same type.

    :raises NotAPicture: ``not_a_picture``, ``damaged``, ``too_many_pixels`` or ``too_large``.
    """
    if len(data) > MAX_BYTES:
        raise NotAPicture("too_large")
    # Pillow's own limits: its warning is our error. The first 16 bytes decide, before any of its readers sees more.
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    name = _format_of(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return _written_anew(name, data)
        except NotAPicture:
            raise
        except (Image.DecompressionBombWarning, Image.DecompressionBombError, MemoryError):
            raise NotAPicture("too_many_pixels") from None
        except Exception:  # noqa: BLE001
            # Readers of broken files raise whatever they stumble over.
            raise NotAPicture("damaged") from None


def _written_anew(name: str, data: bytes) -> Picture:
    with Image.open(BytesIO(data), formats=[name]) as given:
        # Again by ourselves: a WebP says its size only when its reader has been set up.
        if given.width * given.height > MAX_PIXELS:
            raise NotAPicture("too_many_pixels")
        given.load()
        turn = _TURNS.get(_orientation(given))
        seen = _plain(given, alpha=name != "JPEG")
    if turn is not None:
        seen = seen.transpose(turn)
    # Whatever a reader noted of the file, so that no writer can find it.
    seen.info = {}
    written = _encoded(seen, name)
    small = seen
    small.thumbnail(THUMBNAIL)
    if small.mode == "RGBA":
        # Ink on nothing would be black on black.
        paper = Image.new("RGB", small.size, "white")
        paper.paste(small, mask=small.getchannel("A"))
        small = paper
    return Picture(TYPES[name], *_size(written, name), written, _saved(small, "JPEG", quality=80))


def _format_of(data: bytes) -> str:
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    raise NotAPicture("not_a_picture")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001
        # Damaged metadata are no reason to lose the picture that they are about.
        return 1


def _plain(image: Image.Image, *, alpha: bool) -> Image.Image:
    has_alpha = image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info
    if alpha and has_alpha:
        return image.convert("RGBA")
    if image.mode in {"1", "L", "I;16"}:
        return image.convert("L")
    return image.convert("RGB")


def _encoded(image: Image.Image, name: str) -> bytes:
    if name == "PNG":
        tries = [_saved(image, name, optimize=False)]
    else:
        tries = [_saved(image, name, quality=QUALITIES[0])]
        if len(tries[0]) > MAX_BYTES:
            tries.append(_saved(image, name, quality=QUALITIES[1]))
    if len(tries[-1]) > MAX_BYTES:
        raise NotAPicture("too_large")
    return tries[-1]


def _saved(image: Image.Image, name: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


def _size(data: bytes, name: str) -> tuple[int, int]:
    # Of the file that was written, which also shows that it can be read.
    with Image.open(BytesIO(data), formats=[name]) as image:
        return image.size


def main() -> None:
    """
    Read a picture from stdin and write the new one to stdout.
    """
    Image.preinit()
    from PIL import WebPImagePlugin  # noqa: F401  before the limits: importing opens files

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        new = clean(sys.stdin.buffer.read(MAX_BYTES + 1))
    except NotAPicture as no:
        head: dict[str, object] = {"code": no.code}
        body = b""
    else:
        head = {"type": new.type, "width": new.width, "height": new.height, "size": len(new.data)}
        body = new.data + new.thumbnail
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + body)


if __name__ == "__main__":
    main()
