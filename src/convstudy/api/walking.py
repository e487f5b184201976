"""A whole network explained from Python: every number of every layer, in one document."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.api.counting import Network, at_given
from convstudy.errors import ConvstudyError, ModelError
from convstudy.files import whole_file
from convstudy.report import layer_document, walk

if TYPE_CHECKING:
    from convstudy.analysis import Explanation, Input, LayerTable
    from convstudy.study.models.network_at_inputs import NetworkAtInputs


@dataclass(frozen=True)
class NetworkExplanation:
    """Every layer of a network, explained; a notebook shows it, and `save` writes HTML or Markdown.

    `layers` are the explanations in the order of the run, `table` the counted layers, and `picture` the overview of the
    network as SVG, empty if it cannot be drawn.
    """

    name: str
    table: LayerTable
    layers: tuple[Explanation, ...]
    picture: str = ""

    @classmethod
    def of(cls, at: NetworkAtInputs, *, drawn: bool = True) -> NetworkExplanation:
        """Explain a network at its inputs, and draw its overview if asked to."""
        table, layers = at.explain_all()
        return cls(at.name, table, layers, overview(at) if drawn else "")

    def __iter__(self) -> Iterator[Explanation]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __repr__(self) -> str:
        return f"<NetworkExplanation of {self.name}: {len(self.layers)} layers>"

    def __str__(self) -> str:
        """Return all layers as text, with the totals at the end."""
        return "\n\n".join([*map(str, self.layers), layer_document.basis(self.table)])

    @property
    def html(self) -> str:
        """Return a page that works offline, with the drawing of the network."""
        return walk.html(self.name, self.table, self.layers, self.picture)

    @property
    def markdown(self) -> str:
        """Return the explanations in Markdown, a heading and a table for each layer."""
        return walk.markdown(self.name, self.table, self.layers)

    def _repr_markdown_(self) -> str:
        return self.markdown

    def save(self, path: str | Path) -> Path:
        """Write the page (.html) or the Markdown (.md), by the ending of the path.

        Raises: ModelError, if the ending is another one.
        """
        path = Path(path)
        forms: dict[str, Callable[[], str]] = {".html": lambda: self.html, ".md": lambda: self.markdown}
        form = forms.get(path.suffix.lower())
        if form is None:
            raise ModelError(f"{path}: expected a file name that ends in {' or '.join(forms)}")
        with whole_file(path, keep_hard_links=True) as draft:
            draft.write_text(form(), encoding="utf-8", newline="\n")
        return path


def explain_all(
    model: Network, /, *inputs: Input, classes: int | None = None, **named_inputs: Any
) -> NetworkExplanation:
    """Explain every number of every layer of a network: formulas, formulas with numbers, and words.

    Inputs are given as for `summary`.

    Raises: as `summary`.

    >>> explained = explain_all("lecture")
    >>> explained
    <NetworkExplanation of lecture: 13 layers>
    >>> print(explained.layers[1]["parameters"])
    parameters: (5·5·3 + 1)·8 = 608
    >>> explained.save("lecture.html")  # doctest: +SKIP
    """
    return NetworkExplanation.of(at_given(model, inputs, named_inputs, classes))


def overview(at: NetworkAtInputs) -> str:
    """Return the overview of a network as SVG, or nothing if it cannot be drawn."""
    from convstudy.drawing import draw_graph

    try:
        return draw_graph(at.name, at.graph(), level="overview").svg
    except ConvstudyError:
        return ""
