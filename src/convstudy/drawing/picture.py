"""A drawn network, which notebooks show and `save` writes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from convstudy.drawing.layers import Layers, drawn_layers
from convstudy.drawing.lengths import pixels
from convstudy.drawing.remarks import Remarks
from convstudy.drawing.scene import Scene
from convstudy.drawing.sheet import MEASURES, Options, pair, sheet
from convstudy.drawing.svg import svg
from convstudy.errors import DrawingError
from convstudy.files import whole_file

if TYPE_CHECKING:
    from convstudy.analysis.graph import Graph

Level = Literal["overview", "blocks", "layers"]
Highlight = Literal["macs", "parameters", "memory"]
LEVELS = ("overview", "blocks", "layers")


@dataclass(frozen=True)
class Picture:
    """A drawing of a network: `svg`, and files by `save`; a notebook shows it."""

    layers: Layers
    scene: Scene

    @property
    def svg(self) -> str:
        """Return the picture as an SVG document."""
        return svg(self.scene)

    @property
    def smallest_text(self) -> float:
        """Return the size of the smallest text in points, at the width of the picture."""
        return self.scene.smallest_text()

    def __repr__(self) -> str:
        width, height = (round(self.scene.scale * each) for each in (self.scene.width, self.scene.height))
        return f"<Picture of {self.scene.title}: {width} x {height} px>"

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path, *, on_note: Callable[[str], None] = warnings.warn) -> Path:
        """Write the picture as SVG, PDF or PNG, by the ending of the path.

        `on_note` receives a line about letters that the fonts of PDF and PNG lack; by default, it is a warning.

        Raises: DrawingError, if the ending is another one.
        """
        path = Path(path)
        write = WRITERS.get(path.suffix.lower())
        if write is None:
            raise DrawingError(f"{path}: expected a file name that ends in {', '.join(WRITERS)}")
        with whole_file(path, keep_hard_links=True) as draft:
            draft.write_bytes(write(self.scene))
        if lacking := self._unwritable(path.suffix.lower()):
            sign = "a question mark" if path.suffix.lower() == ".pdf" else "an empty box"
            on_note(f"{path.name}: its font lacks {' '.join(lacking)}, each shown as {sign}; SVG shows every letter")
        return path

    def _unwritable(self, ending: str) -> list[str]:
        """Return the letters of the picture that a format cannot show."""
        if ending == ".svg":
            return []
        if ending == ".pdf":
            from convstudy.drawing.pdf import unwritable  # noqa: PLC0415
        else:
            from convstudy.drawing.png import unwritable  # noqa: PLC0415
        return sorted(unwritable("".join(text.text for text in self.scene.texts())))


def _svg(scene: Scene) -> bytes:
    return svg(scene).encode()


def _pdf(scene: Scene) -> bytes:
    from convstudy.drawing.pdf import pdf  # noqa: PLC0415

    return pdf(scene)


def _png(scene: Scene) -> bytes:
    from convstudy.drawing.png import png  # noqa: PLC0415

    return png(scene)


WRITERS: dict[str, Callable[[Scene], bytes]] = {".svg": _svg, ".pdf": _pdf, ".png": _png}


def draw_pair(
    names: tuple[str, str],
    graphs: tuple[Graph, Graph],
    *,
    highlight: str | None = None,
    fold: bool = False,
    width: str | float | None = None,
) -> Picture:
    """Return the picture of all layers of two networks side by side, with what differs outlined.

    Raises: DrawingError, as `draw_graph`.
    """
    _check("layers", highlight)
    one, two = (drawn_layers(name, graph) for name, graph in zip(names, graphs, strict=True))
    wide = None if width is None else pixels(width)
    options = Options(level="layers", highlight=highlight or "", fold=fold, width=wide)
    return Picture(one, pair(one, two, options))


def _check(level: str, highlight: str | None) -> None:
    for what, value, known in (("level", level, LEVELS), ("highlight", highlight or "macs", tuple(MEASURES))):
        if value not in known:
            raise DrawingError(f"the {what} is {value!r}; expected {', '.join(known)}")


def draw_graph(
    name: str,
    graph: Graph,
    *,
    level: str = "blocks",
    highlight: str | None = None,
    fold: bool = False,
    width: str | float | None = None,
    remarks: Remarks | None = None,
) -> Picture:
    """Return the picture of a graph, with remarks on its layers.

    Raises: DrawingError, if an option has a value that it does not accept.
    """
    _check(level, highlight)
    layers = drawn_layers(name, graph, remarks)
    wide = None if width is None else pixels(width)
    return Picture(layers, sheet(layers, Options(level=level, highlight=highlight or "", fold=fold, width=wide)))
