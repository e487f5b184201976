"""A scene as SVG: text stays text, light and dark in one file, the same bytes on every run."""

from __future__ import annotations

from convstudy.drawing.colours import palette
from convstudy.drawing.scene import Circle, Group, Line, Mark, Point, Polygon, Rect, Scene, Text, commands, head, signs

FONT = "Helvetica,Arial,'Liberation Sans','DejaVu Sans',sans-serif"


def svg(scene: Scene) -> str:
    """Return an SVG document."""
    size = f'width="{_number(scene.width * scene.scale)}" height="{_number(scene.height * scene.scale)}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {_number(scene.width)} {_number(scene.height)}" '
        f'font-family="{FONT}" fill="none" role="img">',
        f"<title>{escape(scene.title)}</title><desc>{escape(scene.description)}</desc>",
        "",
        _mark(Rect(0, 0, scene.width, scene.height, "paper")),
    ]
    parts += [_group(mark) if isinstance(mark, Group) else _mark(mark) for mark in scene.marks]
    body = "\n".join(parts[3:])
    parts[2] = _dark(body)
    return "\n".join([*parts[:3], body, "</svg>", ""])


def escape(text: str) -> str:
    """Return text as XML writes it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


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


def _group(group: Group) -> str:
    return f"<g><title>{escape(group.title)}</title>{''.join(map(_mark, group.marks))}</g>"


def _mark(mark: Mark) -> str:
    if isinstance(mark, Rect):
        rounded = f' rx="{_number(mark.radius)}"' if mark.radius else ""
        dashed = ' stroke-dasharray="3 2.5"' if mark.dashed else ""
        place = f'x="{_number(mark.x)}" y="{_number(mark.y)}" width="{_number(mark.width)}"'
        paint = _paint(mark.fill, mark.stroke, mark.stroke_width)
        return f'<rect {place} height="{_number(mark.height)}"{rounded}{paint}{dashed}/>'
    if isinstance(mark, Polygon):
        points = " ".join(f"{_number(x)},{_number(y)}" for x, y in mark.points)
        joined = ' stroke-linejoin="round"' if mark.stroke else ""
        return f'<polygon points="{points}"{_paint(mark.fill, mark.stroke, mark.width)}{joined}/>'
    if isinstance(mark, Circle):
        place = f'cx="{_number(mark.x)}" cy="{_number(mark.y)}" r="{_number(mark.radius)}"'
        return f"<circle {place}{_paint(mark.fill, mark.stroke, 0.9)}/>" + "".join(map(_mark, signs(mark)))
    if isinstance(mark, Line):
        return _line(mark)
    return _text(mark)


def _line(line: Line) -> str:
    dashed = ' stroke-dasharray="3.2 2.4"' if line.dashed else ""
    drawn = f'<path d="{_path(line)}"{_paint("", line.stroke, line.width)}{dashed}/>'
    if line.arrow:
        tip, one, two = head(line)
        (a, b), (c, d) = _step(tip, one), _step(one, two)
        drawn += f'<path d="M{_place(tip)}l{_joined(a, b)} {_joined(c, d)}z"{_paint(line.stroke)}/>'
    return drawn


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


def _text(text: Text) -> str:
    x, y = _number(text.x), _number(text.y)
    turned = f' transform="rotate(-90 {x} {y})"' if text.rotated else ""
    anchor = f' text-anchor="{text.anchor}"' if text.anchor != "start" else ""
    bold = ' font-weight="bold"' if text.bold else ""
    size = f' font-size="{_number(text.size)}"'
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
