"""Decoding of image files of any mode to 8 bits, gray or RGB, with bounded memory."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, TiffImagePlugin, UnidentifiedImageError

from convstudy.data.free_memory import free_memory
from convstudy.data.signatures import HEAD, described, is_html

Result = TypeVar("Result")

# The formats of docs/data.md. Pillow chooses by content, not by name, and some of its other formats start programs: it
# passes EPS to Ghostscript.
FORMATS = ("JPEG", "PNG", "BMP", "PPM", "TIFF", "WEBP", "GIF", "AVIF")
GRAY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "F"})
# Bytes per block of Pillow's memory: beyond glibc's largest threshold (32 MB), so that free() gives them back at once.
BLOCK = 1 << 26
AHEAD = 512  # files decoded before the first of them is consumed
TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
COLORS = {0: 1, 1: 1, 2: 3, 3: 1, 4: 1, 5: 4, 6: 3, 8: 3, 9: 3}  # bands by TIFF's photometric interpretation
TRANSPARENCY = (1, 2, 999)  # TIFF's extra samples that are alpha; 999 is Corel's
ORIENTATION = 0x0112  # the EXIF tag; 1 is upright
STRIP = 1 << 20  # pixels converted at a time
ROOM, SHARE = 512_000_000, 4  # bytes of the images that are being decoded at a time, at most a quarter of what is free
WIDEST = 4  # bytes per pixel of Pillow's widest modes, of which RGB is one
CONVERTED = 5  # bytes per pixel of the image as RGB, and once more in gray
PROGRESSIVE = 6  # bytes per pixel that libjpeg needs for the coefficients of a progressive JPEG

# What had to be done to an image, as the notes phrase it.
TURNED = "rotated according to EXIF data"
FLATTENED = "transparency replaced by white"
NARROWED = "more than 8 bits scaled to 8"
SEPARATED = "CMYK converted to RGB"
FIRST_FRAME = "first of several frames used"


@dataclass(frozen=True)
class Decoded(Generic[Result]):
    """One image file: its image, or what was made of it, or why there is none."""

    path: Path
    image: Result | None  # of an image of mode L or RGB
    problem: str = ""
    treatments: tuple[str, ...] = ()  # what had to be done to it
    size: tuple[int, int] = (0, 0)  # width and height as stored
    mode: str = ""  # as stored


class White(NamedTuple):
    """The value that is white in files of whole numbers and of floats; 0 if the data set has no such file."""

    integers: float
    floats: float


class Room:
    """A number of bytes that threads share; a request for more than all of it waits until it is alone."""

    def __init__(self, num_bytes: int) -> None:
        self.num_bytes = self._free = num_bytes
        self._changed = threading.Condition()

    @contextmanager
    def reserved(self, num_bytes: int) -> Iterator[None]:
        """Wait until so many bytes are free, and keep them during the block."""
        wanted = min(num_bytes, self.num_bytes)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        try:
            yield
        finally:
            with self._changed:
                self._free += wanted
                self._changed.notify_all()


Image.core.set_block_size(BLOCK)  # type: ignore[attr-defined]  # as PILLOW_BLOCK_SIZE does


_lock = threading.Lock()


def room() -> Room:
    """Return the memory shared by all images that are being decoded: at most a quarter of what is free."""
    with _lock:  # a cache alone would give threads that begin together a room each
        return _room()


@cache
def _room() -> Room:
    return Room(min(ROOM, free_memory() // SHARE))


def open_image(path: Path) -> Image.Image:
    """Open an image file of one of the formats that are read; every other format is unknown.

    Raises: UnidentifiedImageError, if it is none; OSError; and whatever Pillow raises on broken files.
    """
    Image.init()  # so that the installed formats are known
    return Image.open(path, formats=[name for name in FORMATS if name in Image.OPEN])


def decode_each(
    paths: Sequence[Path], prepare: Callable[[Image.Image], Result], white: White | None = None
) -> Iterator[Decoded[Result]]:
    """Decode all files with threads, in order; at most 512 files are decoded ahead of the consumer.

    `prepare` is applied to each image at once, so that only its result is kept. Large images are decoded by fewer
    threads, so that the memory is bounded.
    """
    with warnings.catch_warnings(), ThreadPoolExecutor() as pool:  # the filters are the process's, not a thread's
        warnings.simplefilter("ignore")  # what PIL warns of either decodes or is reported as a problem
        try:
            for start in range(0, len(paths), AHEAD):
                yield from pool.map(lambda path: decode(path, prepare, white), paths[start : start + AHEAD])
        except BaseException:
            pool.shutdown(cancel_futures=True)  # Ctrl-C waits for no other file
            raise


def map_images(work: Callable[[Path, Image.Image], Result], paths: Sequence[Path]) -> Iterator[Result | None]:
    """Apply `work` to all images as they are stored, with threads, in order; None for files that do not decode."""

    def of(path: Path) -> Result | None:
        try:
            with open_image(path) as opened:
                _refuse_bomb(opened)
                with room().reserved(_num_bytes(opened)):
                    opened.load()
                    result = work(path, opened)
                    opened.close()
                    return result
        except Exception:  # Pillow's plug-ins raise anything on broken files
            return None

    with warnings.catch_warnings(), ThreadPoolExecutor() as pool:
        warnings.simplefilter("ignore")
        yield from pool.map(of, paths)


def decode_all(
    paths: Sequence[Path],
    *,
    prepare: Callable[[Image.Image], Result],
    progress: Callable[[int, int], None] | None,
    white: White | None = None,
) -> list[Decoded[Result]]:
    """Decode all files, and keep what `prepare` makes of them."""
    decoded = []
    for item in decode_each(paths, prepare, white):
        decoded.append(item)
        if progress:
            progress(len(decoded), len(paths))
    return decoded


def decode(path: Path, prepare: Callable[[Image.Image], Result], white: White | None = None) -> Decoded[Result]:
    """Decode one file, and apply `prepare` to the image of mode L or RGB.

    The image is rotated according to its EXIF data, transparency becomes white, and more than 8 bits are scaled to 8,
    by the value that is `white` in all images, otherwise by the image's own. Of an animation or a file of several
    pages, the first frame is used. A file that Pillow cannot decode to its end, an empty one, an
    HTML page and one with more pixels than `PIL.Image.MAX_IMAGE_PIXELS` have a problem instead of an image; so has
    everything that is not a file: a link to nothing, a pipe.
    """
    head = b""
    try:
        head = _head(path)
        _refuse_bands(path, head)
        with open_image(path) as opened:
            _refuse_bomb(opened)
            size, mode = opened.size, opened.mode
            treatments = _treatments(opened)
            with room().reserved(_num_bytes(opened)):
                opened.load()
                ImageOps.exif_transpose(opened, in_place=True)
                image = prepare(eight_bits(opened, white))
                if image is not opened:
                    opened.close()  # its pixels are gone before others take their room: it is in a cycle of references
    except Exception as error:  # Pillow's plug-ins raise anything on broken files
        return Decoded(path, None, _problem(error, path, head))
    return Decoded(path, image, treatments=treatments, size=size, mode=mode)


def _num_bytes(image: Image.Image) -> int:
    """Estimate the memory that decoding and converting an image takes at once."""
    progressive = PROGRESSIVE if "progressive" in image.info else 0
    stored = 1 if image.mode in {"1", "L", "P"} else WIDEST
    converted = 1 if image.mode in {"L", "RGB"} else CONVERTED
    return image.width * image.height * (stored + converted + progressive)


def _head(path: Path) -> bytes:
    """Read the first bytes of a file. Raises: ValueError, if they show that it is not an image; OSError."""
    if not path.is_file():  # reading a pipe would block
        absent = "it is not a file" if path.exists() else "it does not exist"
        raise ValueError("it is a link to a file that does not exist" if path.is_symlink() else absent)
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise ValueError("the file is empty")
    if is_html(head):
        raise ValueError(described(head))
    return head


def _refuse_bands(path: Path, head: bytes) -> None:
    """Refuse a TIFF with more bands than its colors and a declared transparency, of which Pillow drops or misuses some.

    Source: TIFF 6.0, tags 262 (PhotometricInterpretation), 277 (SamplesPerPixel) and 338 (ExtraSamples).
    """
    bands, expected = _bands(path, head) if head[:4] in TIFF_MARKS else (0, 0)
    if bands > expected:
        raise ValueError(
            f"it has {bands} bands; expected gray, RGB, or these with a declared transparency: export the bands to use"
        )


def _bands(path: Path, head: bytes) -> tuple[int, int]:
    """Return how many bands a TIFF has, and how many are its colors and transparency; nothing for a broken one."""
    try:
        with path.open("rb") as file:
            tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(16 if 43 in head[2:4] else 8))
            file.seek(tags.next)
            tags.load(file)
        bands, colors, extra = int(tags.get(277, 1)), COLORS.get(int(tags[262])), tags.get(338, ())
    except Exception:  # what Pillow raises on broken files, which decoding reports
        return 0, 0
    alpha = sum(kind in TRANSPARENCY for kind in (extra if isinstance(extra, tuple) else (extra,)))
    return (bands, colors + alpha) if colors else (0, 0)


def _refuse_bomb(image: Image.Image) -> None:
    """Refuse more pixels than Pillow's limit, up to twice which Pillow only warns."""
    if Image.MAX_IMAGE_PIXELS and image.width * image.height > Image.MAX_IMAGE_PIXELS:
        raise Image.DecompressionBombError


def _problem(error: Exception, path: Path, head: bytes) -> str:
    """Describe what is wrong with a file, on one line, without its path."""
    if isinstance(error, Image.DecompressionBombError):
        return f"it has more than {Image.MAX_IMAGE_PIXELS:,} pixels"
    if isinstance(error, UnidentifiedImageError):
        return described(head)
    if isinstance(error, OSError) and error.strerror:
        return f"it cannot be opened: {error.strerror.lower()}"
    words = str(error).replace(repr(str(path)), "it").replace(os.fspath(path), "it")
    return " ".join(words.split()) or type(error).__name__


def _treatments(image: Image.Image) -> tuple[str, ...]:
    narrowed = is_deep(image.mode) or _deep_as_stored(image)  # before the EXIF is read, which may load the image
    needed = {
        TURNED: image.getexif().get(ORIENTATION, 1) in range(2, 9),
        FLATTENED: _transparent(image),
        NARROWED: narrowed,
        SEPARATED: image.mode == "CMYK",
        FIRST_FRAME: getattr(image, "n_frames", 1) > 1,
    }
    return tuple(treatment for treatment, is_needed in needed.items() if is_needed)


def _transparent(image: Image.Image) -> bool:
    return image.mode in {"LA", "La", "PA", "RGBA", "RGBa"} or "transparency" in image.info


def is_deep(mode: str) -> bool:
    """Return whether images of this mode have one channel of more than 8 bits."""
    return mode in {"I", "F"} or mode.startswith("I;16")


def _deep_as_stored(image: Image.Image) -> bool:
    """Return whether Pillow narrows the image as it reads it: 16 bits per color, of which it takes the upper 8."""
    return any(str(tile[3]).endswith(";16B") for tile in getattr(image, "tile", ()) if tile[0] == "zip")


def eight_bits(image: Image.Image, white: White | None = None) -> Image.Image:
    """Convert an image to mode L, for the gray modes, or RGB, for all others; transparency becomes white.

    It is converted strip by strip, so that no third copy of a large image is needed.
    """
    mode = "L" if image.mode in GRAY_MODES else "RGB"
    if image.mode == mode and not _transparent(image):
        return image
    factor = _factor(image, white) if is_deep(image.mode) else None
    converted = Image.new(mode, image.size)
    for box in strip_boxes(image):
        strip = image.crop(box)
        narrow = _flat(strip, mode) if factor is None else _scaled(strip, factor)
        converted.paste(narrow, box[:2])
    return converted


def strip_boxes(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    """Cut an image into strips of rows, given as left, top, right and bottom."""
    rows = max(1, STRIP // max(image.width, 1))
    for top in range(0, image.height, rows):
        yield 0, top, image.width, min(top + rows, image.height)


def _flat(image: Image.Image, mode: str) -> Image.Image:
    if _transparent(image):
        above = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", above.size, "white"), above)
    return image.convert(mode)


def _factor(image: Image.Image, white: White | None) -> float:
    """Return the factor from the values of an image of more than 8 bits to 0..255.

    257 values of 16 bits make one of 8. Of a single image whose data set is unknown, values of 32-bit integers or
    floats beyond 255 are taken to be of 16 bits, and values up to 1 as fractions of white.
    """
    low, top = extrema(image)
    if not (np.isfinite(low) and np.isfinite(top)):
        raise ValueError("it has values that are not finite")
    known = white and (white.floats if image.mode == "F" else white.integers)
    if known:
        if top > known + max(0.5, known / 100) or low < -known / 100:
            raise ValueError(f"it has values from {low:g} to {top:g}; the images of the data set have 0 to {known:g}")
        return 255 / known
    return 1 / 257 if image.mode.startswith("I;16") or top > 255 else 255.0 if 0 < top <= 1 else 1.0


def extrema(image: Image.Image) -> tuple[float, float]:
    """Return the lowest and highest value of an image of one channel, NaN if it has any."""
    lows, highs = [], []
    for box in strip_boxes(image):
        values = np.asarray(image.crop(box))
        lows.append(float(values.min()))
        highs.append(float(values.max()))
    return float(np.min(lows)), float(np.max(highs))


def _scaled(image: Image.Image, factor: float) -> Image.Image:
    values = np.asarray(image, np.float64)
    scaled = Image.fromarray(np.clip(np.round(values * factor), 0, 255).astype(np.uint8))
    if isinstance(clear := image.info.get("transparency"), int):
        scaled.paste(255, mask=Image.fromarray(values == clear))
    return scaled


def squared(image: Image.Image, side: int) -> Image.Image:
    """Cut out the middle square of an image and resize it to `side` x `side`, bilinear and antialiased.

    This equals resizing the shorter side and cropping the center, without the long image in between: 30,000 x 1 pixels
    need little memory.

    >>> squared(Image.new("L", (30000, 1)), 8).size
    (8, 8)
    """
    if image.size == (side, side):
        return image
    shorter = min(image.size)
    left, top = ((length - shorter) / 2 for length in image.size)
    return image.resize((side, side), Image.Resampling.BILINEAR, box=(left, top, left + shorter, top + shorter))


def stacked(images: Sequence[Image.Image], mode: str) -> npt.NDArray[np.uint8]:
    """Stack images of one size to N x C x H x W uint8; each is written once, into its place."""
    width, height = images[0].size
    stack = np.empty((len(images), 1 if mode == "L" else 3, height, width), np.uint8)
    for place, image in zip(stack, images, strict=True):
        place[:] = planes(image, mode)
    return stack


def planes(image: Image.Image, mode: str) -> npt.NDArray[np.uint8]:
    """Convert an image to a C x H x W array of mode L or RGB."""
    pixels = np.asarray(image.convert(mode))
    return pixels[None] if mode == "L" else pixels.transpose(2, 0, 1)
