"""A scene as SVG: text stays text, light and dark in one file, the same bytes on every run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from convstudy.drawing.colours import palette
from convstudy.drawing.scene import Circle, Group, Line, Mark, Point, Polygon, Rect, Scene, Text, commands, head, signs
from convstudy.errors import printable

AREA = "panel"  # the colour of what lies under lines
FONT = "Helvetica,Arial,'Liberation Sans','DejaVu Sans',sans-serif"


def svg(scene: Scene) -> str:
    """Return an SVG document."""
    usual = _Usual.of(scene)
    size = f'width="{_number(scene.width * scene.scale)}" height="{_number(scene.height * scene.scale)}"'
    body = "\n".join([_mark(Rect(0, 0, scene.width, scene.height, "paper"), usual), *_marks(scene, usual)])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {_number(scene.width)} {_number(scene.height)}" '
        f'font-family="{FONT}" font-size="{usual.size}" text-anchor="{usual.anchor}" fill="none" role="img">',
        f"<title>{escape(scene.title)}</title><desc>{escape(scene.description)}</desc>",
        _dark(body),
        body,
        "</svg>",
        "",
    ]
    return "\n".join(parts)


def element(scene: Scene, words: str) -> str:
    """Return an SVG element for a page, without paper and without a style of its own; `words` describe it."""
    usual = _Usual.of(scene)
    width, height = _number(scene.width * scene.scale), _number(scene.height * scene.scale)
    opening = (
        f'<svg width="{width}" height="{height}" viewBox="0 0 {_number(scene.width)} {_number(scene.height)}" '
        f'font-size="{usual.size}" text-anchor="{usual.anchor}" fill="none" role="img" aria-label="{quoted(words)}">'
    )
    return opening + "".join(_marks(scene, usual)) + "</svg>"


def quoted(text: str) -> str:
    """Return text as the value of an attribute."""
    return escape(text).replace('"', "&quot;")


@dataclass(frozen=True)
class _Usual:
    """The size and the anchor of most text, which are written once."""

    size: str
    anchor: str

    @classmethod
    def of(cls, scene: Scene) -> _Usual:
        texts = scene.texts()
        sizes, anchors = Counter(_number(text.size) for text in texts), Counter(text.anchor for text in texts)
        return cls(*(max(sorted(found), key=found.__getitem__, default="") for found in (sizes, anchors)))


def _marks(scene: Scene, usual: _Usual) -> Iterator[str]:
    """Yield the marks in order, but lines of one look as one path: between two areas, all lines come first."""
    lines: dict[str, str] = {}
    others: list[str] = []
    for mark in scene.marks:
        if isinstance(mark, Line):
            for look, path in _pieces(mark):
                lines[look] = lines.get(look, "") + path
            continue
        if isinstance(mark, Rect) and mark.fill == AREA:
            yield from _paths(lines)
            yield from others
            yield _mark(mark, usual)
            lines, others = {}, []
            continue
        others.append(_group(mark, usual) if isinstance(mark, Group) else _mark(mark, usual))
    yield from _paths(lines)
    yield from others


def _paths(lines: Mapping[str, str]) -> Iterator[str]:
    for look, path in lines.items():
        yield f'<path d="{path}"{look}/>'


def escape(text: str) -> str:
    """Return text as XML writes it, which has no controls."""
    return printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _dark(body: str) -> str:
    """Return the style that replaces the colours that occur where dark paper is preferred."""
    return f"<style>@media (prefers-color-scheme:dark){{{dark_rules(body)}}}</style>"


def dark_rules(body: str, scope: str = "") -> str:
    """Return the rules that replace the colours that occur by those of dark paper, each selector after a scope."""
    rules: dict[str, list[str]] = {}
    for light, dark in sorted(set(palette().values())):
        for attribute in ("fill", "stroke"):
            if f'{attribute}="{light}"' in body:
                rules.setdefault(f"{attribute}:{dark}", []).append(f'{scope}[{attribute}="{light}"]')
    return "".join(f"{','.join(sorted(selectors))}{{{rule}}}" for rule, selectors in sorted(rules.items()))


def _group(group: Group, usual: _Usual) -> str:
    named = f' class="{quoted(group.name)}"' if group.name else ""
    title = f"<title>{escape(group.title)}</title>" if group.title else ""
    return f"<g{named}>{title}{''.join(_in_group(group.marks, usual))}</g>"


def _in_group(marks: Sequence[Mark], usual: _Usual) -> Iterator[str]:
    """Yield marks in their order, but successive lines of one look as one path."""
    for are_lines, run in groupby(marks, key=lambda mark: isinstance(mark, Line)):
        lines: dict[str, str] = {}
        for mark in run:
            if isinstance(mark, Line):
                for look, path in _pieces(mark):
                    lines[look] = lines.get(look, "") + path
            elif not are_lines:
                yield _mark(mark, usual)
        yield from _paths(lines)


def _mark(mark: Mark, usual: _Usual) -> str:
    if isinstance(mark, Rect):
        rounded = f' rx="{_number(mark.radius)}"' if mark.radius else ""
        dashed = ' stroke-dasharray="3 2.5"' if mark.dashed else ""
        place = f'x="{_number(mark.x)}" y="{_number(mark.y)}" width="{_number(mark.width)}"'
        paint = _paint(mark.fill, mark.stroke, mark.stroke_width)
        return f'<rect {place} height="{_number(mark.height)}"{rounded}{paint}{dashed}/>'
    if isinstance(mark, Polygon):
        points = " ".join(f"{_number(x)},{_number(y)}" for x, y in mark.points)
        joined = ' stroke-linejoin="round"' if mark.stroke else ""
        opacity = f' fill-opacity="{_number(mark.opacity)}"' if mark.opacity < 1 else ""
        return f'<polygon points="{points}"{_paint(mark.fill, mark.stroke, mark.width)}{joined}{opacity}/>'
    if isinstance(mark, Circle):
        place = f'cx="{_number(mark.x)}" cy="{_number(mark.y)}" r="{_number(mark.radius)}"'
        lines = signs(mark)
        sign = _paths({_look(lines[0]): "".join(map(_path, lines))}) if lines else ()
        return f"<circle {place}{_paint(mark.fill, mark.stroke, 0.9)}/>" + "".join(sign)
    if isinstance(mark, Line):
        return "".join(_paths(dict(_pieces(mark))))
    return _text(mark, usual)


def _look(line: Line) -> str:
    dashes = " ".join(map(_number, line.pattern))
    return _paint("", line.stroke, line.width) + (f' stroke-dasharray="{dashes}"' if dashes else "")


def _pieces(line: Line) -> Iterator[tuple[str, str]]:
    """Yield the path of a line and, if it has one, that of its arrow's head, each with its look."""
    yield _look(line), _path(line)
    if line.arrow:
        tip, one, two = head(line)
        (a, b), (c, d) = _step(tip, one), _step(one, two)
        yield _paint(line.stroke), f"M{_place(tip)}l{_joined(a, b)} {_joined(c, d)}z"


def _path(line: Line) -> str:
    """Return a path, in which level and upright pieces have one number."""
    text, here = "", (0.0, 0.0)
    for name, *points in commands(line):
        end = points[-1]
        if name == "Q":
            text += f"Q{_place(points[0])} {_place(end)}"
        elif name == "L" and _number(end[0]) == _number(here[0]):
            text += f"V{_number(end[1])}"
        elif name == "L" and _number(end[1]) == _number(here[1]):
            text += f"H{_number(end[0])}"
        else:
            text += name + _place(end)
        here = end
    return text


def _step(start: Point, end: Point) -> Point:
    return end[0] - start[0], end[1] - start[1]


def _joined(x: float, y: float) -> str:
    return _place((x, y)).replace(" -", "-")


def _text(text: Text, usual: _Usual) -> str:
    x, y = _number(text.x), _number(text.y)
    turned = f' transform="rotate(-90 {x} {y})"' if text.rotated else ""
    anchor = f' text-anchor="{text.anchor}"' if text.anchor != usual.anchor else ""
    bold = ' font-weight="bold"' if text.bold else ""
    size = f' font-size="{_number(text.size)}"' if _number(text.size) != usual.size else ""
    return f'<text x="{x}" y="{y}"{size}{anchor}{bold}{_paint(text.fill)}{turned}>{escape(text.text)}</text>'


def _paint(fill: str, stroke: str = "", width: float = 1) -> str:
    colours = palette()
    painted = f' fill="{colours[fill][0]}"' if fill else ""
    if stroke:
        painted += f' stroke="{colours[stroke][0]}"'
        painted += f' stroke-width="{_number(width)}"' if width != 1 else ""
    return painted


def _place(point: Point) -> str:
    return f"{_number(point[0])} {_number(point[1])}"


def _number(value: float) -> str:
    text = f"{value:.1f}" if abs(value) >= 0.05 else "0"
    return text.removesuffix(".0")
