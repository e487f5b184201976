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


@dataclass(frozen=True)
class Decoded:
    """One image file: its image, or why there is none."""

    path: Path
    image: Image.Image | None  # of mode L or RGB
    problem: str = ""


def decode_all(
    paths: Sequence[Path], *, prepare: Callable[[Image.Image], Image.Image], progress: Callable[[int, int], None] | None
) -> list[Decoded]:
    """Decode all files with threads; `prepare` is applied to each image at once, so that only small ones are kept."""
    decoded = []
    with ThreadPoolExecutor() as pool:
        for item in pool.map(lambda path: decode(path, prepare), paths):
            decoded.append(item)
            if progress:
                progress(len(decoded), len(paths))
    return decoded


def decode(path: Path, prepare: Callable[[Image.Image], Image.Image] = lambda image: image) -> Decoded:
    """Decode one file: turned as its EXIF says, transparency on white, 16 bits scaled to 8, as mode L or RGB."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
        if not head:
            return Decoded(path, None, "the file is empty")
        if head.lstrip().lower().startswith(HTML):
            return Decoded(path, None, "it is an HTML page")
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", message="Palette images with Transparency")
            with Image.open(path) as opened:
                image = eight_bits(ImageOps.exif_transpose(opened))
        return Decoded(path, prepare(image))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return Decoded(path, None, f"it has more than {Image.MAX_IMAGE_PIXELS:,} pixels")
    except Exception as error:  # PIL's plug-ins raise anything on broken files
        return Decoded(path, None, " ".join(str(error).split()).replace(str(path), "it") or type(error).__name__)


def eight_bits(image: Image.Image) -> Image.Image:
    """An image of mode L, for the grey modes, or RGB, for all others; what is transparent becomes white."""
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        return _scaled(np.asarray(image, np.float64))
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        grey = image.mode in {"LA", "La"}
        above = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", above.size, "white"), above)
        return image.convert("L" if grey else "RGB")
    return image.convert("L" if image.mode in GREY_MODES else "RGB")


def _scaled(values: npt.NDArray[np.float64]) -> Image.Image:
    """Values beyond 255 are of 16 bits, and 257 of them make one of 8; values up to 1 are parts of white."""
    top = values.max(initial=0)
    factor = 255.0 if 0 < top <= 1 else 1.0 if top <= 255 else 1 / 257
    return Image.fromarray(np.clip(np.round(values * factor), 0, 255).astype(np.uint8))


def squared(image: Image.Image, side: int) -> Image.Image:
    """Resize the shorter side to `side`, bilinear and antialiased, and cut the middle square out."""
    if image.size == (side, side):
        return image
    scale = side / min(image.size)
    width, height = (max(round(length * scale), side) for length in image.size)
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = (width - side) // 2, (height - side) // 2
    return resized.crop((left, top, left + side, top + side))


def stacked(images: Sequence[Image.Image], mode: str) -> npt.NDArray[np.uint8]:
    """Images of one size as N x C x H x W uint8."""
    arrays = np.stack([np.asarray(image.convert(mode)) for image in images])
    planes = arrays[:, None] if mode == "L" else arrays.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(planes)
