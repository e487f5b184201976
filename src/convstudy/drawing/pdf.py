"""A scene as PDF: one page, paths and text in Helvetica, one of the fonts that every reader of PDF has."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from convstudy.drawing.colours import colour
from convstudy.drawing.scene import (
    Circle,
    Line,
    Mark,
    Point,
    Polygon,
    Rect,
    Scene,
    Text,
    commands,
    head,
    signs,
)
from convstudy.errors import printable

POINTS = 0.75  # per px
ROUND = 0.5523  # of the radius: control points of a quarter circle


def pdf(scene: Scene) -> bytes:
    """Return a PDF document of one page as large as the scene."""
    paper = Rect(0, 0, scene.width, scene.height, "paper")
    points = POINTS * scene.scale
    drawn = [_flipped(scene.height, points), *(_mark(mark) for mark in [paper, *scene.all_marks()])]
    content = zlib.compress("\n".join(drawn).encode("cp1252", "replace"), 9)
    box = f"[0 0 {_number(scene.width * points)} {_number(scene.height * points)}]"
    states = {mark.opacity for mark in scene.all_marks() if isinstance(mark, Polygon) and mark.opacity < 1}
    opacities = " ".join(f"/{_state(each)} << /ca {_number(each)} >>" for each in sorted(states))
    extra = f" /ExtGState << {opacities} >>" if states else ""
    fonts = f"/Resources << /Font << /F1 4 0 R /F2 5 0 R >>{extra} >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox {box} /Contents 6 0 R {fonts} >>".encode(),
        _font("Helvetica"),
        _font("Helvetica-Bold"),
        f"<< /Length {len(content)} /Filter /FlateDecode >>\nstream\n".encode() + content + b"\nendstream",
        f"<< /Title <{scene.title.encode('utf-16').hex()}> /Producer (convstudy) >>".encode(),
    ]
    return _file(objects)


def _state(opacity: float) -> str:
    """Return the name of the graphics state in which areas have an opacity."""
    return f"A{round(100 * opacity)}"


def _font(name: str) -> bytes:
    return f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>".encode()


def _file(objects: Sequence[bytes]) -> bytes:
    """Return the objects as a file, with the table of their places."""
    text = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
    places = []
    for number, each in enumerate(objects, 1):
        places.append(len(text))
        text += f"{number} 0 obj\n".encode() + each + b"\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    count = len(objects) + 1
    return (
        text
        + f"xref\n0 {count}\n0000000000 65535 f \n{table}".encode()
        + f"trailer\n<< /Size {count} /Root 1 0 R /Info {len(objects)} 0 R >>\nstartxref\n{len(text)}\n%%EOF\n".encode()
    )


def _flipped(height: float, points: float) -> str:
    """Return the transformation from px downwards to points upwards."""
    return f"{_number(points)} 0 0 -{_number(points)} 0 {_number(height * points)} cm 1 j"


def _mark(mark: Mark) -> str:
    if isinstance(mark, Rect):
        return _painted(_rounded(mark), mark.fill, mark.stroke, mark.stroke_width, "3 2.5" if mark.dashed else "")
    if isinstance(mark, Polygon):
        drawn = _painted(_outline(mark.points), mark.fill, mark.stroke, mark.width)
        return drawn if mark.opacity == 1 else f"q /{_state(mark.opacity)} gs {drawn} Q"
    if isinstance(mark, Circle):
        drawn = _painted(_circle(mark), mark.fill, mark.stroke, 0.9)
        return "\n".join([drawn, *map(_mark, signs(mark))])
    if isinstance(mark, Line):
        path = _path(mark)
        drawn = _painted(path, "", mark.stroke, mark.width, " ".join(map(_number, mark.pattern)))
        return drawn + ("\n" + _painted(_outline(head(mark)), mark.stroke) if mark.arrow else "")
    return _text(mark)


def _painted(path: str, fill: str, stroke: str = "", width: float = 1, dashes: str = "") -> str:
    parts = [f"{_colour(fill)} rg"] if fill else []
    if stroke:
        parts += [f"{_colour(stroke)} RG", f"{_number(width)} w", f"[{dashes}] 0 d"]
    return " ".join([*parts, path, "B" if fill and stroke else "f" if fill else "S"])


def _colour(name: str) -> str:
    text = colour(name)
    return " ".join(_number(int(text[at : at + 2], 16) / 255) for at in (1, 3, 5))


def _outline(points: Sequence[Point]) -> str:
    (x, y), *rest = points
    return " ".join([f"{_place((x, y))} m", *(f"{_place(point)} l" for point in rest), "h"])


def _path(line: Line) -> str:
    parts = []
    here: Point = (0, 0)
    for name, *points in commands(line):
        if name == "Q":  # as a cubic curve
            control, end = points
            first = tuple(a + (b - a) * 2 / 3 for a, b in zip(here, control, strict=True))
            second = tuple(a + (b - a) * 2 / 3 for a, b in zip(end, control, strict=True))
            parts.append(f"{_place(first)} {_place(second)} {_place(end)} c")
        else:
            parts.append(f"{_place(points[0])} {name.lower()}")
        here = points[-1]
    return " ".join(parts)


def _rounded(rect: Rect) -> str:
    x, y, right, foot, r = rect.x, rect.y, rect.x + rect.width, rect.y + rect.height, rect.radius
    if not r:
        return f"{_place((x, y))} {_number(rect.width)} {_number(rect.height)} re"
    k = r * (1 - ROUND)
    corners = [
        ((right - r, y), (right - k, y), (right, y + k), (right, y + r)),
        ((right, foot - r), (right, foot - k), (right - k, foot), (right - r, foot)),
        ((x + r, foot), (x + k, foot), (x, foot - k), (x, foot - r)),
        ((x, y + r), (x, y + k), (x + k, y), (x + r, y)),
    ]
    parts = [f"{_place((x + r, y))} m"]
    for start, one, two, end in corners:
        parts += [f"{_place(start)} l", f"{_place(one)} {_place(two)} {_place(end)} c"]
    return " ".join([*parts, "h"])


def _circle(circle: Circle) -> str:
    r = circle.radius
    return _rounded(Rect(circle.x - r, circle.y - r, 2 * r, 2 * r, "paper", radius=r))


def _text(text: Text) -> str:
    start = {"start": 0.0, "middle": text.width / 2, "end": text.width}[text.anchor]
    if text.rotated:
        matrix = f"0 -1 -1 0 {_place((text.x, text.y + start))}"
    else:
        matrix = f"1 0 0 -1 {_place((text.x - start, text.y))}"
    font = "/F2" if text.bold else "/F1"
    return f"BT {_colour(text.fill)} rg {font} {_number(text.size)} Tf {matrix} Tm ({_escaped(text.text)}) Tj ET"


def unwritable(text: str) -> set[str]:
    """Return the characters that the fonts' encoding lacks, which are written as question marks.

    >>> sorted(unwritable("naïve ≥ 3×3 网络"))
    ['络', '网']
    """
    return {letter for letter in _encodable(text) if not letter.encode("cp1252", "ignore")}


def _encodable(text: str) -> str:
    """Return printable text with the minus sign and ≥, which the fonts' encoding lacks, as others write them."""
    return printable(text.replace("−", "–").replace("≥", ">="))


def _escaped(text: str) -> str:
    return _encodable(text).replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _place(point: Sequence[float]) -> str:
    return f"{_number(point[0])} {_number(point[1])}"


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") if abs(value) >= 0.0005 else "0"
