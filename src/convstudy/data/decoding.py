"""Image files to arrays, whatever their mode."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from convstudy.data.signatures import HEAD, described, is_html

GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "F"})
AHEAD = 512  # files decoded before the first of them is taken
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


def decode_each(paths: Sequence[Path], prepare: Callable[[Image.Image], Image.Image]) -> Iterator[Decoded]:
    """Decode all files with threads, in their order; few are ahead of who takes them.

    `prepare` is applied to each image at once, so that only small ones are kept.
    """
    with warnings.catch_warnings(), ThreadPoolExecutor() as pool:  # the filters are the process's, not a thread's
        warnings.simplefilter("ignore")  # what PIL warns of either decodes or is told as a problem
        try:
            for start in range(0, len(paths), AHEAD):
                yield from pool.map(lambda path: decode(path, prepare), paths[start : start + AHEAD])
        except BaseException:
            pool.shutdown(cancel_futures=True)  # Ctrl-C waits for no other file
            raise


def decode_all(
    paths: Sequence[Path], *, prepare: Callable[[Image.Image], Image.Image], progress: Callable[[int, int], None] | None
) -> list[Decoded]:
    """Decode all files, and keep their images."""
    decoded = []
    for item in decode_each(paths, prepare):
        decoded.append(item)
        if progress:
            progress(len(decoded), len(paths))
    return decoded


def decode(path: Path, prepare: Callable[[Image.Image], Image.Image] = lambda image: image) -> Decoded:
    """Decode one file: turned as its EXIF says, transparency on white, 16 bits scaled to 8, as mode L or RGB.

    Of an animation or a file of several pages, the first frame. A file that PIL cannot decode to its end, an empty
    one, an HTML page and one with more pixels than `PIL.Image.MAX_IMAGE_PIXELS` have a problem in place of an image;
    so has what is no file: a link to nothing, a pipe.
    """
    head = b""
    try:
        head = _head(path)
        with Image.open(path) as opened:
            _refuse_bomb(opened)
            treatments = _treatments(opened)
            image = prepare(eight_bits(ImageOps.exif_transpose(opened)))
    except Exception as error:  # PIL's plug-ins raise anything on broken files
        return Decoded(path, None, _problem(error, path, head))
    return Decoded(path, image, treatments=treatments)


def _head(path: Path) -> bytes:
    """The first bytes of a file. Raises: ValueError, when they say already that it is no image; OSError."""
    if not path.is_file():  # a pipe would be waited for
        absent = "it is no file" if path.exists() else "it is not there"
        raise ValueError("it is a link to a file that is not there" if path.is_symlink() else absent)
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise ValueError("the file is empty")
    if is_html(head):
        raise ValueError(described(head))
    return head


def _refuse_bomb(image: Image.Image) -> None:
    """Pillow itself only warns up to twice its limit."""
    if Image.MAX_IMAGE_PIXELS and image.width * image.height > Image.MAX_IMAGE_PIXELS:
        raise Image.DecompressionBombError


def _problem(error: Exception, path: Path, head: bytes) -> str:
    """What is wrong with a file, on one line, without its path."""
    if isinstance(error, Image.DecompressionBombError):
        return f"it has more than {Image.MAX_IMAGE_PIXELS:,} pixels"
    if isinstance(error, UnidentifiedImageError):
        return described(head)
    if isinstance(error, OSError) and error.strerror:
        return f"it cannot be opened: {error.strerror.lower()}"
    words = str(error).replace(repr(str(path)), "it").replace(str(path), "it")
    return " ".join(words.split()) or type(error).__name__


def _treatments(image: Image.Image) -> tuple[str, ...]:
    narrowed = _deep(image) or _deep_as_stored(image)  # before the EXIF is read, which may load the image
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


def _deep(image: Image.Image) -> bool:
    return image.mode in {"I", "F"} or image.mode.startswith("I;16")


def _deep_as_stored(image: Image.Image) -> bool:
    """Whether Pillow narrows it as it reads: 16 bits a colour, of which it takes the upper 8."""
    return any(str(tile[3]).endswith(";16B") for tile in getattr(image, "tile", ()) if tile[0] == "zip")


def eight_bits(image: Image.Image) -> Image.Image:
    """An image of mode L, for the grey modes, or RGB, for all others; what is transparent becomes white."""
    if _deep(image):
        values = np.asarray(image, np.float64)
        scaled = _scaled(values, known_16=image.mode.startswith("I;16"))
        if isinstance(clear := image.info.get("transparency"), int):
            scaled.paste(255, mask=Image.fromarray(values == clear))
        return scaled
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
    stack = np.empty((len(images), 1 if mode == "L" else 3, height, width), np.uint8)
    for place, image in zip(stack, images, strict=True):
        place[:] = planes(image, mode)
    return stack


def planes(image: Image.Image, mode: str) -> npt.NDArray[np.uint8]:
    """An image as C x H x W, of mode L or RGB."""
    pixels = np.asarray(image.convert(mode))
    return pixels[None] if mode == "L" else pixels.transpose(2, 0, 1)
