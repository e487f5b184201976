"""Images embedded in an HTML file, and activation maps as overlays."""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

LONGEST_SIDE = 192  # pixels; larger images are reduced to keep the report small
HEAT = (255, 106, 0)  # red, green, blue of an activation map, in both color schemes
MOST_OPAQUE = 0.7  # keeps the image visible at the strongest position
ROWS, COLUMNS = ("upper", "middle", "lower"), ("left", "middle", "right")


def png_data_uri(pixels: npt.NDArray[np.uint8]) -> str:
    """Encode an image, height x width x channels (1 or 3), as a PNG data URI.

    >>> png_data_uri(np.zeros((8, 8, 1), dtype=np.uint8))[:22]
    'data:image/png;base64,'
    """
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return _png(image)


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
