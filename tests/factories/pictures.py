"""
Pictures for tests, made on the spot.
"""

from hashlib import sha256
from io import BytesIO
from random import Random
from typing import Any

from PIL import Image


def picture(kind: str = "JPEG", *, size: tuple[int, int] = (64, 48), seed: int = 1, **options: Any) -> bytes:
    """
    Return a picture of noise, another one for each seed.
    """
    pixels = Random(seed).randbytes(size[0] * size[1] * 3)
    out = BytesIO()
    Image.frombytes("RGB", size, pixels).save(out, kind, **options)
    return out.getvalue()


def halves(kind: str = "JPEG", *, size: tuple[int, int] = (64, 48), **options: Any) -> bytes:
    """
    Return a picture whose upper half is red and whose lower half is blue: one sees how it was turned.
    """
    image = Image.new("RGB", size, (255, 0, 0))
    image.paste((0, 0, 255), (0, size[1] // 2, size[0], size[1]))
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def name_of(data: bytes) -> str:
    """
    Return what an upload is called.
    """
    return sha256(data).hexdigest()
