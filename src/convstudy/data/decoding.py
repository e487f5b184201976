"""Image files to arrays, whatever their mode."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "F"})
HTML = (b"<!doctype", b"<html")
ORIENTATION = 0x0112  # the EXIF tag; 1 is upright

# What had to be done to an image, in the words of the notes.
TURNED = "turned as EXIF says"
FLATTENED = "transparency laid on white"
NARROWED = "more than 8 bits scaled to 8"
SEPARATED = "CMYK converted to RGB"
FIRST_FRAME = "first of several frames taken"


@dataclass(frozen=True)
class Decoded:
    """One image file: its image, or why there is none."""

    path: Path
    image: Image.Image | None  # of mode L or RGB
    problem: str = ""
    treatments: tuple[str, ...] = ()  # what had to be done to it


def decode_all(
    paths: Sequence[Path], *, prepare: Callable[[Image.Image], Image.Image], progress: Callable[[int, int], None] | None
) -> list[Decoded]:
    """Decode all files with threads; `prepare` is applied to each image at once, so that only small ones are kept."""
    decoded = []
    with warnings.catch_warnings(), ThreadPoolExecutor() as pool:  # the filters are the process's, not a thread's
        warnings.simplefilter("ignore")  # what PIL warns of either decodes or is told as a problem
        try:
            for item in pool.map(lambda path: decode(path, prepare), paths):
                decoded.append(item)
                if progress:
                    progress(len(decoded), len(paths))
        except BaseException:
            pool.shutdown(cancel_futures=True)  # Ctrl-C waits for no other file
            raise
    return decoded


def decode(path: Path, prepare: Callable[[Image.Image], Image.Image] = lambda image: image) -> Decoded:
    """Decode one file: turned as its EXIF says, transparency on white, 16 bits scaled to 8, as mode L or RGB.

    Of an animation or a file of several pages, the first frame. A file that PIL cannot decode to its end, an empty
    one, an HTML page and one with more pixels than `PIL.Image.MAX_IMAGE_PIXELS` have a problem in place of an image.
    """
    try:
        with path.open("rb") as file:
            head = file.read(64)
        if not head:
            return Decoded(path, None, "the file is empty")
        if is_html(head):
            return Decoded(path, None, "it is an HTML page")
        with Image.open(path) as opened:
            if Image.MAX_IMAGE_PIXELS and opened.width * opened.height > Image.MAX_IMAGE_PIXELS:
                return _bomb(path)
            treatments = _treatments(opened)
            image = prepare(eight_bits(ImageOps.exif_transpose(opened)))
        return Decoded(path, image, treatments=treatments)
    except Image.DecompressionBombError:
        return _bomb(path)
    except Exception as error:  # PIL's plug-ins raise anything on broken files
        return Decoded(path, None, " ".join(str(error).split()).replace(str(path), "it") or type(error).__name__)


def is_html(head: bytes) -> bool:
    """Whether a file that begins so is the page that a server sent in its place.

    >>> is_html(b"  <!DOCTYPE html>"), is_html(b"PNG")
    (True, False)
    """
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(HTML)


def _bomb(path: Path) -> Decoded:
    return Decoded(path, None, f"it has more than {Image.MAX_IMAGE_PIXELS:,} pixels")


def _treatments(image: Image.Image) -> tuple[str, ...]:
    needed = {
        TURNED: image.getexif().get(ORIENTATION, 1) in range(2, 9),
        FLATTENED: _transparent(image),
        NARROWED: _deep(image),
        SEPARATED: image.mode == "CMYK",
        FIRST_FRAME: getattr(image, "n_frames", 1) > 1,
    }
    return tuple(treatment for treatment, is_needed in needed.items() if is_needed)


def _transparent(image: Image.Image) -> bool:
    return bool({"A", "a"} & set(image.getbands())) or "transparency" in image.info


def _deep(image: Image.Image) -> bool:
    return image.mode in {"I", "F"} or image.mode.startswith("I;16")


def eight_bits(image: Image.Image) -> Image.Image:
    """An image of mode L, for the grey modes, or RGB, for all others; what is transparent becomes white."""
    if _deep(image):
        return _scaled(np.asarray(image, np.float64), known_16=image.mode.startswith("I;16"))
    if _transparent(image):
        grey = image.mode in GREY_MODES
        above = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", above.size, "white"), above)
        return image.convert("L" if grey else "RGB")
    return image.convert("L" if image.mode in GREY_MODES else "RGB")


def _scaled(values: npt.NDArray[np.float64], *, known_16: bool) -> Image.Image:
    """257 values of 16 bits make one of 8.

    A TIFF of 32-bit integers or floats does not say its range: values beyond 255 are taken to be of 16 bits, and
    values up to 1 as parts of white.
    """
    if not np.isfinite(values).all():
        raise ValueError("it has values that are not finite")
    top = values.max(initial=0)
    factor = 1 / 257 if known_16 or top > 255 else 255.0 if 0 < top <= 1 else 1.0
    return Image.fromarray(np.clip(np.round(values * factor), 0, 255).astype(np.uint8))


def squared(image: Image.Image, side: int) -> Image.Image:
    """The middle square of an image, resized to `side` x `side`, bilinear and antialiased.

    This is the shorter side resized and the centre cropped, without the long image in between: 30,000 x 1 is no bomb.

    >>> squared(Image.new("L", (30000, 1)), 8).size
    (8, 8)
    """
    if image.size == (side, side):
        return image
    shorter = min(image.size)
    left, top = ((length - shorter) / 2 for length in image.size)
    return image.resize((side, side), Image.Resampling.BILINEAR, box=(left, top, left + shorter, top + shorter))


def stacked(images: Sequence[Image.Image], mode: str) -> npt.NDArray[np.uint8]:
    """Images of one size as N x C x H x W uint8, each written once into its place."""
    width, height = images[0].size
    planes = np.empty((len(images), 1 if mode == "L" else 3, height, width), np.uint8)
    for plane, image in zip(planes, images, strict=True):
        pixels = np.asarray(image.convert(mode))
        plane[:] = pixels if mode == "L" else pixels.transpose(2, 0, 1)
    return planes
