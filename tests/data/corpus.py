"""A corpus of broken and odd files, made here, each with what becomes of it. docs/data.md shows it as a table."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from convstudy.data.decoding import FIRST_FRAME, FLATTENED, NARROWED, SEPARATED

SIZE = (8, 8)
WHITE, BLACK, GREEN, RED = (255, 255, 255), (0, 0, 0), (10, 200, 30), (255, 0, 0)
GREY, HALF = (100, 100, 100), (127, 127, 127)
CODE = {"jpg": "JPEG", "tif": "TIFF"}

Content = bytes | Callable[[Path], object]


@dataclass(frozen=True)
class Good:
    """A file that is decoded to one colour; with what had to be done to it."""

    content: Content
    colour: tuple[int, int, int]
    treatments: tuple[str, ...] = ()

    @property
    def handling(self) -> str:
        return "; ".join(("decoded", *self.treatments))


@dataclass(frozen=True)
class Bad:
    """A file that is refused, by name, with this problem."""

    content: Content
    problem: str

    @property
    def handling(self) -> str:
        return f"refused: {self.problem}"


@dataclass(frozen=True)
class Left:
    """A file that is not read: skipped without a word, or left out and counted in a note."""

    content: Content
    handling: str


HIDDEN, LEFT_OUT, LOOKED_INTO = "skipped: hidden", "left out, and counted in a note", "looked into, as any folder"


def stored(image: Image.Image, ending: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, CODE.get(ending, ending.upper()), **options)
    return buffer.getvalue()


def colour(mode: str, value: Any) -> Image.Image:
    return Image.new(mode, SIZE, value)


def array(value: float, dtype: type[np.generic]) -> Image.Image:
    return Image.fromarray(np.full(SIZE, value, dtype))


def with_bad_exif() -> bytes:
    torn = b"Exif\0\0II*\0\xff\xff\xff\x7f"
    return GREY_JPG[:2] + b"\xff\xe1" + struct.pack(">H", len(torn) + 2) + torn + GREY_JPG[2:]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(
    width: int, height: int, row: bytes, *, depth: int = 8, kind: int = 0, interlaced: bool = False, before: bytes = b""
) -> bytes:
    """A PNG written by hand, of equal rows; `kind` is its colour type (0 grey, 2 RGB, 4 grey with alpha)."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced))
    return b"\x89PNG\r\n\x1a\n" + head + before + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")


def interlaced() -> bytes:
    """Adam7: seven passes of 1x1, 1x1, 2x1, 2x2, 4x2, 4x4 and 8x4 pixels for 8x8 (PNG specification, section 8)."""
    passes = ((1, 1), (1, 1), (2, 1), (2, 2), (4, 2), (4, 4), (8, 4))
    return png(8, 8, b"".join((b"\0" + bytes([100] * wide)) * high for wide, high in passes), interlaced=True)


def with_bad_checksum(content: bytes, kind: bytes) -> bytes:
    """A PNG in which the CRC of the first chunk of this kind is wrong."""
    at = content.index(kind)
    end = at + 4 + int.from_bytes(content[at - 4 : at], "big")
    return content[:end] + bytes([content[end] ^ 255]) + content[end + 1 :]


def frames(ending: str, **options: Any) -> bytes:
    pages = [colour("RGB", GREEN), colour("RGB", BLACK)]
    return stored(pages[0], ending, save_all=True, append_images=pages[1:], **options)


def row16(*values: int) -> bytes:
    return (b"\0" + struct.pack(">" + "H" * 8 * len(values), *values * 8)) * 8


def turned(orientation: int) -> bytes:
    """White in the upper half as stored; viewers turn it."""
    image = Image.fromarray(np.repeat(np.array([255, 0], np.uint8), 32).reshape(SIZE))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return stored(image, "jpg", quality=100, exif=exif)


def heic() -> bytes:
    """The head of a HEIC file: its box of type and brands (ISO/IEC 14496-12, section 4.3)."""
    return struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic" + bytes(200)


def tiff(bands: int, *, photometric: int, extra: tuple[int, ...] = ()) -> bytes:
    """A TIFF of 4 x 4 pixels of 8 bits, 100 in each band (TIFF 6.0, section 2)."""
    pixels = bytes([100]) * 16 * bands
    entries = [(256, 3, 1, 4), (257, 3, 1, 4), (258, 3, bands, 8), (259, 3, 1, 1), (262, 3, 1, photometric)]
    entries += [(273, 4, 1, 8), (277, 3, 1, bands), (278, 3, 1, 4), (279, 4, 1, len(pixels))]
    if extra:
        entries.append((338, 3, len(extra), extra[0]))
    start = 8 + len(pixels)
    behind = start + 2 + 12 * len(entries) + 4
    more, body = b"", struct.pack("<H", len(entries))
    for tag, kind, count, value in sorted(entries):
        listed = [8] * count if tag == 258 else list(extra) if tag == 338 else [value]
        content = struct.pack(f"<{count}{'H' if kind == 3 else 'I'}", *listed)
        if len(content) > 4:
            content, more = struct.pack("<I", behind + len(more)), more + content
        body += struct.pack("<HHI", tag, kind, count) + content.ljust(4, b"\0")
    return b"II*\0" + struct.pack("<I", start) + pixels + body + bytes(4) + more


def folder_with_image(path: Path) -> None:
    path.mkdir()
    (path / "rgb.png").write_bytes(PNG)


PNG, JPG = stored(colour("RGB", GREEN), "png"), stored(colour("RGB", GREEN), "jpg", quality=100)
GREY_JPG = stored(colour("L", 100), "jpg", quality=100)
NOISY = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
NOISE, NOISE_PNG = stored(NOISY, "jpg"), stored(NOISY, "png")
QUANTISED = colour("RGB", GREEN).quantize()
CHANGED = PNG[:45] + bytes([PNG[45] ^ 255]) + PNG[46:]
GREY_ROWS = (b"\0" + bytes([100] * 8)) * 8
LONG_NAME = "n" * 246 + ".png"  # of 250 bytes; Linux takes 255

LOSSLESS = {"png": {}, "tif": {}, "bmp": {}, "ppm": {}, "gif": {}, "webp": {"lossless": True}}
COMPRESSIONS = ("tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "packbits", "raw")


def every_format() -> dict[str, Good]:
    """Gray, colors and bits in each lossless format that has them, and TIFF's compressions."""
    shown = {"L": (100, GREY), "RGB": (GREEN, GREEN), "1": (1, WHITE)}
    without = {("webp", "1")}  # WebP has no bits
    made = {
        f"{mode.lower().replace('1', 'bits')}-as.{ending}": Good(stored(colour(mode, value), ending, **options), seen)
        for ending, options in LOSSLESS.items()
        for mode, (value, seen) in shown.items()
        if (ending, mode) not in without
    }
    made |= {f"{kind}.tif": Good(stored(colour("RGB", GREEN), "tif", compression=kind), GREEN) for kind in COMPRESSIONS}
    made |= {
        f"quality-{quality}.jpg": Good(stored(colour("L", 100), "jpg", quality=quality), GREY)
        for quality in (70, 85, 95)
    }
    return made


CORPUS: dict[str, Good | Bad | Left] = {
    # formats and modes
    "rgb.png": Good(PNG, GREEN),
    "rgb.jpg": Good(JPG, GREEN),
    "rgb.bmp": Good(stored(colour("RGB", GREEN), "bmp"), GREEN),
    "rgb.ppm": Good(stored(colour("RGB", GREEN), "ppm"), GREEN),
    "rgb.tif": Good(stored(colour("RGB", GREEN), "tif"), GREEN),
    "rgb.webp": Good(stored(colour("RGB", GREEN), "webp", lossless=True), GREEN),
    "rgb.avif": Good(stored(colour("RGB", GREEN), "avif", quality=100, subsampling="4:4:4"), GREEN),
    "progressive.jpg": Good(stored(colour("L", 100), "jpg", quality=100, progressive=True), GREY),
    "grey.png": Good(stored(colour("L", 100), "png"), GREY),
    "grey.jpg": Good(GREY_JPG, GREY),
    "one-bit.png": Good(stored(colour("1", 1), "png"), WHITE),
    "interlaced.png": Good(interlaced(), GREY),
    "ycbcr.tif": Good(stored(colour("RGB", RED).convert("YCbCr"), "tif"), (254, 0, 0)),
    "lab.tif": Good(stored(colour("RGB", GREY).convert("LAB"), "tif"), GREY),
    "cmyk.tif": Good(stored(colour("CMYK", (0, 255, 255, 0)), "tif"), RED, (SEPARATED,)),
    "cmyk.jpg": Good(stored(colour("CMYK", (0, 0, 0, 155)), "jpg", quality=100), GREY, (SEPARATED,)),
    **every_format(),
    # palettes and transparency
    "palette.png": Good(stored(QUANTISED, "png"), GREEN),
    "palette.gif": Good(stored(QUANTISED, "gif"), GREEN),
    "palette-clear.png": Good(stored(QUANTISED, "png", transparency=bytes(256)), WHITE, (FLATTENED,)),
    "palette-opaque.png": Good(stored(QUANTISED, "png", transparency=bytes([255] * 256)), GREEN, (FLATTENED,)),
    "clear.png": Good(stored(colour("RGBA", (0, 0, 0, 0)), "png"), WHITE, (FLATTENED,)),
    "half-clear.png": Good(stored(colour("RGBA", (0, 0, 0, 128)), "png"), HALF, (FLATTENED,)),
    "grey-clear.png": Good(stored(colour("LA", (50, 0)), "png"), WHITE, (FLATTENED,)),
    "grey-opaque.png": Good(stored(colour("LA", (100, 255)), "png"), GREY, (FLATTENED,)),
    "one-grey-clear.png": Good(stored(colour("L", 7), "png", transparency=7), WHITE, (FLATTENED,)),
    "one-colour-clear.png": Good(stored(colour("RGB", GREEN), "png", transparency=GREEN), WHITE, (FLATTENED,)),
    "one-16-bit-grey-clear.png": Good(
        png(8, 8, row16(9), depth=16, before=chunk(b"tRNS", struct.pack(">H", 9))), WHITE, (FLATTENED, NARROWED)
    ),
    # more than 8 bits
    "grey-16-bit.png": Good(stored(array(257 * 100, np.uint16), "png"), GREY, (NARROWED,)),
    "grey-16-bit-dark.png": Good(stored(array(200, np.uint16), "png"), (1, 1, 1), (NARROWED,)),
    "rgb-16-bit.png": Good(png(8, 8, row16(257 * 10, 257 * 200, 257 * 30), depth=16, kind=2), GREEN, (NARROWED,)),
    "grey-alpha-16-bit.png": Good(png(8, 8, row16(9, 0), depth=16, kind=4), WHITE, (FLATTENED, NARROWED)),
    "grey-16-bit.tif": Good(stored(array(257 * 100, np.uint16), "tif"), GREY, (NARROWED,)),
    "grey-16-bit-big-endian.tif": Good(stored(array(257 * 100, np.dtype(">u2").type), "tif"), GREY, (NARROWED,)),
    "32-bit-up-to-255.tif": Good(stored(array(100, np.int32), "tif"), GREY, (NARROWED,)),
    "32-bit-up-to-65535.tif": Good(stored(array(257 * 100, np.int32), "tif"), GREY, (NARROWED,)),
    "float-up-to-1.tif": Good(stored(array(100 / 255, np.float32), "tif"), GREY, (NARROWED,)),
    "float-up-to-255.tif": Good(stored(array(100, np.float32), "tif"), GREY, (NARROWED,)),
    "float-not-a-number.tif": Bad(stored(array(np.nan, np.float32), "tif"), "it has values that are not finite"),
    # bands
    "declared-transparency.tif": Good(tiff(4, photometric=2, extra=(2,)), (194, 194, 194), (FLATTENED,)),
    "near-infrared.tif": Bad(tiff(4, photometric=2, extra=(0,)), "it has 4 bands"),
    "undeclared-fourth-band.tif": Bad(tiff(4, photometric=2), "it has 4 bands"),
    "five-bands.tif": Bad(tiff(5, photometric=2, extra=(0, 0)), "it has 5 bands"),
    "seven-gray-bands.tif": Bad(tiff(7, photometric=1, extra=(0,) * 6), "it has 7 bands"),
    "two-gray-bands.tif": Bad(tiff(2, photometric=1, extra=(0,)), "it has 2 bands"),
    # several frames
    "animated.gif": Good(frames("gif"), GREEN, (FIRST_FRAME,)),
    "animated.png": Good(frames("png"), GREEN, (FIRST_FRAME,)),
    "animated.webp": Good(frames("webp", lossless=True), GREEN, (FIRST_FRAME,)),
    "pages.tif": Good(frames("tif"), GREEN, (FIRST_FRAME,)),
    # sizes
    "1x1.png": Good(stored(Image.new("RGB", (1, 1), GREEN), "png"), GREEN),
    "30000x1.png": Good(stored(Image.new("RGB", (30000, 1), GREEN), "png"), GREEN),
    "1x30000.png": Good(stored(Image.new("RGB", (1, 30000), GREEN), "png"), GREEN),
    "bomb-30000x30000.png": Bad(png(30000, 30000, b""), "it has more than 89,478,485 pixels"),
    "bomb-10000x10000.png": Bad(png(10000, 10000, b""), "it has more than 89,478,485 pixels"),
    # other than its name says
    "jpeg-as.png": Good(GREY_JPG, GREY),
    "png-as.bmp": Good(PNG, GREEN),
    "html-as.jpg": Bad(b"\n<!DOCTYPE html><html>404</html>", "it is an HTML page"),
    "html-with-mark-as.png": Bad(b"\xef\xbb\xbf<HTML>", "it is an HTML page"),
    "text-as.jpg": Bad("label,nom\n0,été".encode(), "it is text"),
    "svg-as.png": Bad(
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
        "it is an SVG drawing, which has no pixels; export it as PNG",
    ),
    "heic-as.jpg": Bad(heic(), "it is a HEIC photograph, which Pillow does not read; convert it to JPEG"),
    "git-lfs-pointer.png": Bad(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
        "it is a Git LFS pointer; `git lfs pull` fetches the image",
    ),
    "zip-as.jpg": Bad(b"PK\x03\x04" + bytes(60), "it is a ZIP archive"),
    "pdf-as.jpg": Bad(b"%PDF-1.7", "it is a PDF document"),
    "postscript-as.jpg": Bad(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n{} loop\n",
        "it is a PostScript program, which is not run; export it as PNG",
    ),
    "postscript-with-preview-as.jpg": Bad(
        b"\xc5\xd0\xd3\xc6" + bytes(28) + b"%!PS-Adobe-3.0 EPSF-3.0\n",
        "it is a PostScript program, which is not run; export it as PNG",
    ),
    "photoshop-as.jpg": Bad(b"8BPS\0\1" + bytes(40), "it is a Photoshop document; export it as PNG"),
    "noise-as.jpg": Bad(bytes(range(128, 256)), "it is not an image of a supported format"),
    # broken
    "empty.jpg": Bad(b"", "the file is empty"),
    "zeros.jpg": Bad(bytes(5000), "it begins with zeros only"),
    "head-only.png": Bad(PNG[:8], "it begins as a PNG but is damaged"),
    "half.png": Bad(NOISE_PNG[:2000], "truncated"),
    "half.jpg": Bad(NOISE[: len(NOISE) // 2], "truncated"),
    "half.gif": Bad(stored(NOISY.convert("L"), "gif")[:1500], "truncated"),
    "half.bmp": Bad(stored(NOISY, "bmp")[:1000], "truncated"),
    "half.webp": Bad(stored(NOISY, "webp")[:1000], "could not create decoder object"),
    "fewer-pixels-than-promised.png": Bad(png(64, 64, GREY_ROWS), "truncated"),
    "without-end-marker.jpg": Bad(NOISE[:-2], "truncated"),
    "without-end-chunk.png": Good(PNG[:-12], GREEN),
    "more-behind-the-end.jpg": Good(GREY_JPG + b"more" * 100, GREY),
    "more-behind-the-end.png": Good(PNG + b"more", GREEN),
    "wrong-checksum-of-head.png": Bad(with_bad_checksum(PNG, b"IHDR"), "it begins as a PNG but is damaged"),
    "wrong-checksum-of-pixels.png": Good(with_bad_checksum(png(8, 8, GREY_ROWS), b"IDAT"), GREY),
    "changed-pixels.png": Bad(
        PNG[:45] + bytes([PNG[45] ^ 255]) + PNG[46:], "broken data stream when reading image file"
    ),
    "broken-exif.jpg": Good(with_bad_exif(), GREY),
    "empty-exif.jpg": Good(stored(colour("L", 100), "jpg", quality=100, exif=b"Exif\0\0"), GREY),
    # names
    "héllo wörld.png": Good(PNG, GREEN),
    "🐱.png": Good(PNG, GREEN),
    "UPPER.PNG": Good(PNG, GREEN),
    "two.dots.png": Good(PNG, GREEN),
    "percent %s {0}.png": Good(PNG, GREEN),
    "-dash.png": Good(PNG, GREEN),
    LONG_NAME: Good(PNG, GREEN),
    "new\nline.png": Good(PNG, GREEN),
    "clear-screen-\x1b[2J.png": Good(PNG, GREEN),
    "right-to-left-\u202egpj.png": Good(PNG, GREEN),
    "no-utf-8-\udce9.png": Good(PNG, GREEN),
    **{
        f"{name}.png": Good(PNG, GREEN)
        for name in (
            "'quoted'",
            '"twice"',
            "a,b",
            "a;b",
            "#hash",
            "50%",
            "a&b",
            "<b>",
            "[1]",
            "~",
            "$HOME",
            " space",
            "日本語",
            "עברית",
        )
    },
    # no files
    "link-to-nothing.jpg": Bad(
        lambda path: path.symlink_to("nothing.jpg"), "it is a link to a file that does not exist"
    ),
    "link-to-itself.jpg": Bad(lambda path: path.symlink_to(path.name), "it is a link to a file that does not exist"),
    "pipe.jpg": Bad(lambda path: os.mkfifo(path), "it is not a file"),  # noqa: PLW0108 - not on Windows
    "folder.jpg": Left(lambda path: path.mkdir(), LOOKED_INTO),
    # not read
    ".DS_Store": Left(b"\0\0\0\1Bud1", HIDDEN),
    "._rgb.jpg": Left(bytes.fromhex("00051607"), HIDDEN),
    ".hidden.png": Left(PNG, HIDDEN),
    "Thumbs.db": Left(b"x", HIDDEN),
    "desktop.ini": Left(b"x", HIDDEN),
    "__MACOSX": Left(folder_with_image, HIDDEN),
    "drawing.svg": Left(b"<svg/>", LEFT_OUT),
    "photograph.heic": Left(heic(), LEFT_OUT),
    "notes.txt": Left(b"x", LEFT_OUT),
    "no-ending": Left(PNG, LEFT_OUT),
}


def put(path: Path, content: Content) -> Path:
    """Write a file of the corpus."""
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content(path)
    return path
