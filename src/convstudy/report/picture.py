"""Images inside an HTML file."""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

LONGEST_SIDE = 192  # pixels; larger images are made smaller, so that the report stays light


def png_data_uri(pixels: npt.NDArray[np.uint8]) -> str:
    """Encode an image, height x width x channels (1 or 3), as a `data:` address of a PNG.

    >>> png_data_uri(np.zeros((8, 8, 1), dtype=np.uint8))[:22]
    'data:image/png;base64,'
    """
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    written = io.BytesIO()
    image.save(written, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(written.getvalue()).decode("ascii")
