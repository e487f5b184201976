"""Images embedded in an HTML file, and activation maps as overlays."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from itertools import zip_longest

import numpy as np
import numpy.typing as npt
from PIL import Image

from convstudy.study.comparisons.results import ShownImage

LONGEST_SIDE = 160  # pixels; larger images are reduced to keep the report small
LOSSLESS_SIDE = 32  # pixels, up to which every image is stored without loss
QUALITY = 82  # of JPEG
MOST_LETTERS = 180_000  # of all images of a page, in base64
HEAT = (255, 0, 200)  # red, green, blue of an activation map, in both color schemes; no network has this color
MOST_OPAQUE = 0.7  # keeps the image visible at the strongest position
ROWS, COLUMNS = ("upper", "middle", "lower"), ("left", "middle", "right")


class PageImages:
    """The images of a page, each stored once as a class of its style, as many as a page has room for."""

    def __init__(self, lists: Sequence[Sequence[ShownImage]]) -> None:
        """Take images from each list in turn, until there is no more room."""
        self.encoded: dict[str, str] = {}
        letters = 0
        for image in (each for row in zip_longest(*lists) for each in row if each is not None):
            if image.id not in self.encoded:
                uri = data_uri(image.image)
                letters += len(uri)
                if letters > MOST_LETTERS and self.encoded:
                    break
                self.encoded[image.id] = uri
        self.numbers = {name: number for number, name in enumerate(self.encoded)}

    def __contains__(self, name: str) -> bool:
        return name in self.encoded

    def of(self, images: Sequence[ShownImage]) -> list[ShownImage]:
        """Return the images of a list that are in the page."""
        return [image for image in images if image.id in self.encoded]

    def css(self, image: ShownImage) -> str:
        """Return the classes of an element that shows an image."""
        return f"photo i{self.numbers[image.id]}{' pixelated' if image.image.shape[1] < 96 else ''}"

    def styles(self) -> Iterator[tuple[str, str]]:
        """Yield the class and the data URI of each image."""
        for name, uri in self.encoded.items():
            yield f"i{self.numbers[name]}", uri


def data_uri(pixels: npt.NDArray[np.uint8]) -> str:
    """Encode an image, height x width x channels (1 or 3), as a data URI: PNG, or JPEG if that is smaller.

    >>> data_uri(np.zeros((8, 8, 1), dtype=np.uint8))[:22]
    'data:image/png;base64,'
    """
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    lossless = _png(image)
    if max(image.size) <= LOSSLESS_SIDE:
        return lossless
    written = io.BytesIO()
    image.save(written, format="JPEG", quality=QUALITY, optimize=True)
    jpeg = "data:image/jpeg;base64," + base64.b64encode(written.getvalue()).decode("ascii")
    return min(lossless, jpeg, key=len)


def heat_data_uri(values: npt.NDArray[np.uint8]) -> str:
    """Encode an activation map, height x width, as a PNG data URI of one color whose opacity is the activation.

    It has one pixel per position; the browser interpolates it bilinearly over the image.

    >>> len(heat_data_uri(np.full((7, 7), 255, dtype=np.uint8))) < 250
    True
    """
    layers = [np.full_like(values, level) for level in HEAT]
    opaque = (MOST_OPAQUE * values.astype(np.float64)).round().astype(np.uint8)
    return _png(Image.fromarray(np.stack([*layers, opaque], axis=2)))


def strongest(values: npt.NDArray[np.uint8]) -> str:
    """Describe where an activation map is strongest, for screen readers.

    >>> strongest(np.array([[0, 0, 0], [0, 0, 255], [0, 0, 0]], dtype=np.uint8))
    'in the middle right'
    >>> strongest(np.array([[0, 0, 0], [0, 255, 0], [0, 0, 0]], dtype=np.uint8)), strongest(np.zeros((2, 2), np.uint8))
    ('in the middle', 'nowhere')
    """
    if not values.any():
        return "nowhere"
    row, column = (int(each) for each in np.unravel_index(values.argmax(), values.shape))
    height, width = values.shape
    words = ROWS[int((row + 0.5) / height * 3)], COLUMNS[int((column + 0.5) / width * 3)]
    return f"in the {' '.join(dict.fromkeys(words))}"


def _png(image: Image.Image) -> str:
    written = io.BytesIO()
    image.save(written, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(written.getvalue()).decode("ascii")
