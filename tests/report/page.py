"""A page as a parser sees it, so that tests ask for contents and not for spelling."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "input", "hr"}


@dataclass
class Element:
    """An element: its tag, its attributes, and what it contains."""

    tag: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text in it, blanks as a browser shows them."""
        return " ".join("".join(self._pieces()).split())

    def _pieces(self) -> list[str]:
        pieces: list[str] = []
        for child in self.children:
            pieces += [child] if isinstance(child, str) else [*child._pieces(), " " if child.tag not in INLINE else ""]
        return pieces

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Every element of a tag with these attributes in it, in the page's order."""
        found: list[Element] = []
        for child in self.children:
            if isinstance(child, Element):
                fits = all(child.attributes.get(name.rstrip("_")) == value for name, value in attributes.items())
                found += ([child] if fits and tag in (child.tag, "*") else []) + child.all(tag, **attributes)
        return found

    def one(self, tag: str, **attributes: str) -> Element:
        """The only such element."""
        (found,) = self.all(tag, **attributes)
        return found

    def rows(self) -> list[list[str]]:
        """A table's body, as text."""
        return [
            [cell.text for cell in row.children if isinstance(cell, Element)] for row in self.one("tbody").all("tr")
        ]


INLINE = {"span", "strong", "b", "i", "code", "a", "svg", "line", "use", "defs"}


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        opened = self.open.pop().tag
        if opened != tag:
            raise AssertionError(f"<{opened}> is closed by </{tag}>, line {self.getpos()[0]}")

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def parse(page: str) -> Element:
    """Parse a page whose elements are all closed, in order."""
    builder = _Builder()
    builder.feed(page)
    builder.close()
    (root,) = builder.open
    return root


def chart(page: Element, name: str) -> Element:
    """The chart with this id, as an SVG element; of two for wide and narrow screens, the wide one."""
    return page.one("div", id=name).all("svg")[0]


def said(page: Element, name: str) -> list[str]:
    """What a reader sees when pointing at the parts of a chart."""
    return [title.text for title in chart(page, name).all("title")]
