"""A corpus of broken and odd image files: each is decoded to the colour a viewer shows, or has its problem told."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from convstudy.data import load
from convstudy.data.decoding import (
    FIRST_FRAME,
    FLATTENED,
    NARROWED,
    SEPARATED,
    TURNED,
    decode,
    decode_all,
    squared,
)

SIZE = (8, 8)
WHITE, BLACK, GREEN = (255, 255, 255), (0, 0, 0), (10, 200, 30)
GREY = (100, 100, 100)
CODE = {"jpg": "JPEG", "jpeg": "JPEG", "tif": "TIFF", "jfif": "JPEG"}


def stored(image: Image.Image, ending: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, CODE.get(ending, ending.upper()), **options)
    return buffer.getvalue()


def colour(mode: str, value: Any) -> Image.Image:
    return Image.new(mode, SIZE, value)


def array(value: float, dtype: type[np.generic]) -> Image.Image:
    return Image.fromarray(np.full(SIZE, value, dtype))


def turned(orientation: int) -> bytes:
    """White in the upper half as stored; viewers turn it."""
    image = Image.fromarray(np.repeat(np.array([255, 0], np.uint8), 32).reshape(SIZE))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return stored(image, "jpg", quality=100, exif=exif)


def with_bad_exif() -> bytes:
    whole = stored(colour("L", 100), "jpg", quality=100)
    torn = b"Exif\0\0II*\0\xff\xff\xff\x7f"
    return whole[:2] + b"\xff\xe1" + struct.pack(">H", len(torn) + 2) + torn + whole[2:]


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of_size(width: int, height: int) -> bytes:
    """A few bytes that promise an image of this size."""
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + png_chunk(b"IDAT", zlib.compress(b"\0" * 64)) + png_chunk(b"IEND", b"")


PNG, JPG = stored(colour("RGB", GREEN), "png"), stored(colour("RGB", GREEN), "jpg", quality=100)
NOISE = stored(Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)), "jpg")
FRAMES = [colour("RGB", GREEN), colour("RGB", BLACK)]
QUANTISED = colour("RGB", GREEN).quantize()

# name: (content, the colour to be seen, what had to be done)
GOOD: dict[str, tuple[bytes, tuple[int, ...], tuple[str, ...]]] = {
    "colour.png": (PNG, GREEN, ()),
    "colour.bmp": (stored(colour("RGB", GREEN), "bmp"), GREEN, ()),
    "colour.ppm": (stored(colour("RGB", GREEN), "ppm"), GREEN, ()),
    "colour.tif": (stored(colour("RGB", GREEN), "tif"), GREEN, ()),
    "colour.webp": (stored(colour("RGB", GREEN), "webp", lossless=True), GREEN, ()),
    "grey.png": (stored(colour("L", 100), "png"), GREY, ()),
    "grey.jpg": (stored(colour("L", 100), "jpg", quality=100), GREY, ()),
    "bits.png": (stored(colour("1", 1), "png"), WHITE, ()),
    "palette.png": (stored(QUANTISED, "png"), GREEN, ()),
    "palette.gif": (stored(QUANTISED, "gif"), GREEN, ()),
    "palette-transparent.png": (stored(QUANTISED, "png", transparency=bytes([0] * 256)), WHITE, (FLATTENED,)),
    "palette-opaque.png": (stored(QUANTISED, "png", transparency=bytes([255] * 256)), GREEN, (FLATTENED,)),
    "transparent.png": (stored(colour("RGBA", (0, 0, 0, 0)), "png"), WHITE, (FLATTENED,)),
    "half-transparent.png": (stored(colour("RGBA", (0, 0, 0, 128)), "png"), (127, 127, 127), (FLATTENED,)),
    "opaque.webp": (stored(colour("RGBA", (*GREEN, 255)), "webp", lossless=True), GREEN, ()),
    "grey-transparent.png": (stored(colour("LA", (50, 0)), "png"), WHITE, (FLATTENED,)),
    "grey-opaque.png": (stored(colour("LA", (100, 255)), "png"), GREY, (FLATTENED,)),
    "one-grey-transparent.png": (stored(colour("L", 7), "png", transparency=7), WHITE, (FLATTENED,)),
    "one-colour-transparent.png": (stored(colour("RGB", GREEN), "png", transparency=GREEN), WHITE, (FLATTENED,)),
    "16-bit.png": (stored(array(257 * 100, np.uint16), "png"), GREY, (NARROWED,)),
    "16-bit-dark.png": (stored(array(200, np.uint16), "png"), (1, 1, 1), (NARROWED,)),
    "16-bit.tif": (stored(array(257 * 100, np.uint16), "tif"), GREY, (NARROWED,)),
    "32-bit-of-8.tif": (stored(array(100, np.int32), "tif"), GREY, (NARROWED,)),
    "32-bit-of-16.tif": (stored(array(257 * 100, np.int32), "tif"), GREY, (NARROWED,)),
    "floats-to-1.tif": (stored(array(100 / 255, np.float32), "tif"), GREY, (NARROWED,)),
    "floats-to-255.tif": (stored(array(100, np.float32), "tif"), GREY, (NARROWED,)),
    "cmyk.tif": (stored(colour("CMYK", (0, 255, 255, 0)), "tif"), (255, 0, 0), (SEPARATED,)),
    "cmyk.jpg": (stored(colour("CMYK", (0, 0, 0, 155)), "jpg", quality=100), GREY, (SEPARATED,)),
    "animated.gif": (stored(FRAMES[0], "gif", save_all=True, append_images=FRAMES[1:]), GREEN, (FIRST_FRAME,)),
    "pages.tif": (stored(FRAMES[0], "tif", save_all=True, append_images=FRAMES[1:]), GREEN, (FIRST_FRAME,)),
    "animated.png": (stored(FRAMES[0], "png", save_all=True, append_images=FRAMES[1:]), GREEN, (FIRST_FRAME,)),
    "png-that-is-a-jpeg.png": (stored(colour("L", 100), "jpg", quality=100), GREY, ()),
    "bmp-that-is-a-png.bmp": (PNG, GREEN, ()),
    "one-pixel.png": (stored(Image.new("RGB", (1, 1), GREEN), "png"), GREEN, ()),
    "long.png": (stored(Image.new("RGB", (30000, 1), GREEN), "png"), GREEN, ()),
    "high.png": (stored(Image.new("RGB", (1, 30000), GREEN), "png"), GREEN, ()),
    "bytes-behind-the-end.png": (PNG + b"more", GREEN, ()),
    "bad-exif.jpg": (with_bad_exif(), GREY, ()),
    "orientation-0.jpg": (stored(colour("L", 100), "jpg", quality=100, exif=b"Exif\0\0"), GREY, ()),
}

# name: (content, the problem that is told)
BAD: dict[str, tuple[bytes, str]] = {
    "empty.jpg": (b"", "the file is empty"),
    "page.jpg": (b"\n<!DOCTYPE html><html>404</html>", "it is an HTML page"),
    "page-with-mark.png": (b"\xef\xbb\xbf<HTML>", "it is an HTML page"),
    "text.png": (b"git-lfs: version 1", "cannot identify image file"),
    "zeros.jpg": (bytes(5000), "cannot identify image file"),
    "head-only.png": (PNG[:8], "cannot identify image file"),
    "half.png": (stored(Image.effect_noise((64, 64), 80), "png")[:2000], "truncated"),
    "half.jpg": (NOISE[: len(NOISE) // 2], "truncated"),
    "last-bytes-lost.jpg": (NOISE[:-200], "truncated"),
    "half.gif": (stored(Image.effect_noise((64, 64), 80), "gif")[:1500], "truncated"),
    "half.bmp": (stored(colour("RGB", GREEN), "bmp")[:100], "truncated"),
    "flipped.png": (PNG[:45] + bytes([PNG[45] ^ 255]) + PNG[46:], ""),
    "bomb.png": (png_of_size(30000, 30000), "it has more than 89,478,485 pixels"),
    "large.png": (png_of_size(10000, 10000), "it has more than 89,478,485 pixels"),
    "promise.png": (png_of_size(64, 64), "truncated"),
    "not-finite.tif": (stored(array(np.nan, np.float32), "tif"), "it has values that are not finite"),
}


def put(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", GOOD)
def test_an_odd_image_shows_the_colour_that_a_viewer_shows(tmp_path: Path, name: str) -> None:
    content, seen, treatments = GOOD[name]
    decoded = decode_all([put(tmp_path / name, content)], prepare=lambda image: squared(image, 8), progress=None)[0]
    assert decoded.image is not None, decoded.problem
    pixels = np.asarray(decoded.image.convert("RGB")).reshape(-1, 3)
    assert pixels.shape == (64, 3)
    assert np.abs(pixels.astype(int) - seen).max() <= 1
    assert decoded.treatments == treatments


@pytest.mark.parametrize("name", BAD)
def test_a_broken_image_has_its_problem_told(tmp_path: Path, name: str) -> None:
    content, problem = BAD[name]
    decoded = decode_all([put(tmp_path / name, content)], prepare=lambda image: image, progress=None)[0]
    assert decoded.image is None
    assert decoded.problem
    assert problem in decoded.problem
    assert str(tmp_path) not in decoded.problem
    assert "\n" not in decoded.problem


WHITE_SIDE: dict[int, Callable[[Any], Any]] = {
    1: lambda a: a[:4],
    2: lambda a: a[:4],
    3: lambda a: a[4:],
    4: lambda a: a[4:],
    5: lambda a: a[:, :4],
    6: lambda a: a[:, 4:],
    7: lambda a: a[:, 4:],
    8: lambda a: a[:, :4],
}


@pytest.mark.parametrize("orientation", WHITE_SIDE)
def test_an_image_stands_as_its_exif_says(tmp_path: Path, orientation: int) -> None:
    """TIFF 6.0, tag 274: where row 0 and column 0 of the stored image are seen."""
    decoded = decode(put(tmp_path / "a.jpg", turned(orientation)))
    pixels = np.asarray(decoded.image)
    assert WHITE_SIDE[orientation](pixels).min() > 250
    assert int((pixels > 250).sum()) == 32
    assert decoded.treatments == (() if orientation == 1 else (TURNED,))


def test_a_folder_of_the_corpus_reports_all_of_it(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for file, (content, *_) in GOOD.items():
            put(tmp_path / name / file, content)
    for file, (content, _) in BAD.items():
        put(tmp_path / "a" / file, content)
    data = load(str(tmp_path), side=8, skip_bad_images=True)
    assert len(data.train) + len(data.test) == 2 * len(GOOD)
    assert set(data.skipped) == {f"a/{file}" for file in BAD}
    assert data.notes[1].startswith(f"{len(BAD)} images that cannot be decoded skipped: bomb.png, empty.jpg,")
    assert data.notes[1].endswith(", ...")
    for treatment in (TURNED, FLATTENED, NARROWED, SEPARATED, FIRST_FRAME):
        count = 2 * sum(treatment in treatments for _, _, treatments in GOOD.values())
        assert (f"{count} images: {treatment}" in data.notes) == (count > 0)


@given(st.sampled_from([PNG, JPG, NOISE, GOOD["animated.gif"][0], GOOD["16-bit.tif"][0]]), st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_is_an_image_or_a_problem(tmp_path: Path, content: bytes, data: st.DataObject) -> None:
    damaged = bytearray(content[: data.draw(st.integers(0, len(content)))])
    for at in data.draw(st.lists(st.integers(0, max(len(damaged) - 1, 0)), max_size=4)):
        damaged[at : at + 1] = bytes([data.draw(st.integers(0, 255))])
    path = put(tmp_path / "damaged.png", bytes(damaged))
    decoded = decode_all([path], prepare=lambda image: squared(image, 8), progress=None)[0]
    assert (decoded.image is None) == bool(decoded.problem)
