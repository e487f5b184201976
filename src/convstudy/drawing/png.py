"""A scene as PNG: two pixels per px, drawn larger and reduced, with the font that Pillow brings along.

That font lacks some signs, which are drawn as lines. Each text is set to its width in Helvetica.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from itertools import cycle, pairwise
from math import ceil, hypot

from PIL import Image, ImageDraw, ImageFont

from convstudy.drawing.colours import colour
from convstudy.drawing.fonts import text_width
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

SCALE = 2  # pixels per px
OVER = 3  # times larger, before it is reduced
LARGEST = 60_000_000  # pixels drawn at the larger scale
CURVE = 6  # pieces of a rounded corner


def png(scene: Scene) -> bytes:
    """Return a PNG image, two pixels per px."""
    over = OVER
    while over > 1 and scene.width * scene.height * (SCALE * over) ** 2 > LARGEST:
        over -= 1
    size = ceil(scene.width * SCALE), ceil(scene.height * SCALE)
    canvas = _Canvas(size[0] * over, size[1] * over, SCALE * over)
    for mark in scene.all_marks():
        canvas.mark(mark)
    image = canvas.image.reduce(over) if over > 1 else canvas.image
    image = image.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True, dpi=(96 * SCALE, 96 * SCALE))
    return file.getvalue()


class _Canvas:
    """An image on which marks are drawn, at a number of pixels per px."""

    def __init__(self, width: int, height: int, scale: int) -> None:
        self.image = Image.new("RGB", (width, height), colour("paper"))
        self.pen = ImageDraw.Draw(self.image)
        self.scale = scale

    def mark(self, mark: Mark) -> None:
        if isinstance(mark, Rect):
            self._rect(mark)
        elif isinstance(mark, Polygon):
            self._polygon(mark)
            if mark.stroke:
                self._stroke([*mark.points, mark.points[0]], mark.stroke, mark.width)
        elif isinstance(mark, Circle):
            self._circle(mark)
        elif isinstance(mark, Line):
            self._line(mark)
        else:
            self._text(mark)

    def _points(self, points: Sequence[Point]) -> list[tuple[float, float]]:
        return [(x * self.scale, y * self.scale) for x, y in points]

    def _rect(self, rect: Rect) -> None:
        box = (*self._points([(rect.x, rect.y)])[0], *self._points([(rect.x + rect.width, rect.y + rect.height)])[0])
        width = max(round(rect.stroke_width * self.scale), 1) if rect.stroke else 0
        outline = _rgb(rect.stroke) if rect.stroke else None
        half = width / 2
        grown = (box[0] - half, box[1] - half, box[2] + half, box[3] + half)
        self.pen.rounded_rectangle(grown, rect.radius * self.scale, fill=_rgb(rect.fill), outline=outline, width=width)

    def _polygon(self, polygon: Polygon) -> None:
        points, fill = self._points(polygon.points), _rgb(polygon.fill)
        if polygon.opacity == 1:
            self.pen.polygon(points, fill=fill)
            return
        mask = Image.new("L", self.image.size, 0)
        ImageDraw.Draw(mask).polygon(points, fill=round(255 * polygon.opacity))
        self.image.paste(fill, (0, 0), mask)

    def _circle(self, circle: Circle) -> None:
        x, y, r = circle.x * self.scale, circle.y * self.scale, (circle.radius + 0.45) * self.scale
        width = max(round(0.9 * self.scale), 1)
        self.pen.ellipse((x - r, y - r, x + r, y + r), fill=_rgb(circle.fill), outline=_rgb(circle.stroke), width=width)
        for sign in signs(circle):
            self._line(sign)

    def _line(self, line: Line) -> None:
        points = _flattened(line)
        for piece in _dashes(points, line.pattern) if line.pattern else [points]:
            self._stroke(piece, line.stroke, line.width)
        if line.arrow:
            self.pen.polygon(self._points(head(line)), fill=_rgb(line.stroke))

    def _stroke(self, points: Sequence[Point], stroke: str, width: float) -> None:
        self.pen.line(self._points(points), fill=_rgb(stroke), width=max(round(width * self.scale), 1), joint="curve")

    def _text(self, text: Text) -> None:
        start = {"start": 0.0, "middle": text.width / 2, "end": text.width}[text.anchor]
        mask = _set(text.text, text.size * self.scale, text.width * self.scale, bold=text.bold)
        rise = round(text.size * self.scale)
        if text.rotated:
            mask = mask.transpose(Image.Transpose.ROTATE_90)
            place = (round(text.x * self.scale) - rise, round((text.y + start) * self.scale) - mask.height)
        else:
            place = (round((text.x - start) * self.scale), round(text.y * self.scale) - rise)
        self.image.paste(Image.new("RGB", mask.size, _rgb(text.fill)), place, mask)


def _flattened(line: Line) -> list[Point]:
    """Return the points of a line, with its corners as short pieces."""
    points: list[Point] = []
    for name, *ends in commands(line):
        if name == "Q":
            (a, b), (c, d), (e, f) = points[-1], *ends
            for step in range(1, CURVE + 1):
                t = step / CURVE
                points.append(
                    (
                        (1 - t) ** 2 * a + 2 * t * (1 - t) * c + t * t * e,
                        (1 - t) ** 2 * b + 2 * t * (1 - t) * d + t * t * f,
                    )
                )
        else:
            points.append(ends[0])
    return points


def _dashes(points: Sequence[Point], pattern: Sequence[float]) -> list[list[Point]]:
    """Return the pieces of a dashed line; the pattern has the lengths of dashes and gaps in turn."""
    found: list[list[Point]] = [[points[0]]]
    lengths = cycle(pattern)
    left, drawing = next(lengths), True
    for (a, b), (c, d) in pairwise(points):
        whole = hypot(c - a, d - b)
        at = 0.0
        while whole - at > left:
            at += left
            point = (a + (c - a) * at / whole, b + (d - b) * at / whole)
            if drawing:
                found[-1].append(point)
            else:
                found.append([point])
            drawing = not drawing
            left = next(lengths)
        left -= whole - at
        if drawing and whole:
            found[-1].append((c, d))
    return [piece for piece in found if len(piece) > 1]


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


def unwritable(text: str) -> set[str]:
    """Return the characters that the font lacks, which are drawn as empty boxes.

    >>> sorted(unwritable("naïve ≥ 3×3 网络"))
    ['ï', '络', '网']
    """
    lacking = bytes(_font(40).getmask("\uffff"))
    return {letter for letter in {*text} - {*DRAWN} if bytes(_font(40).getmask(letter)) == lacking}


@cache
def _set(text: str, size: float, width: float, *, bold: bool) -> Image.Image:
    """Return text as a mask whose baseline is one size below its top, each letter at its place in Helvetica."""
    mask = Image.new("L", (ceil(width + size / 2), ceil(size * 1.35)), 0)
    pen = ImageDraw.Draw(mask)
    font = _font(round(size))
    at = 0.0
    for letter in text:
        wide = text_width(letter, 1000, bold=bold) * size / 1000
        if letter in DRAWN:
            _sign(pen, letter, at, wide, size, bold=bold)
        else:
            own = font.getlength(letter)
            stroke = size / 40 if bold else 0
            pen.text((at + (wide - own) / 2, size), letter, fill=255, font=font, anchor="ls", stroke_width=stroke)
        at += wide
    return mask


DRAWN = "×–·≥−"


def _sign(pen: ImageDraw.ImageDraw, letter: str, x: float, wide: float, size: float, *, bold: bool) -> None:
    """Draw a sign that the font lacks."""
    line = max(round(size * (0.12 if bold else 0.08)), 1)
    middle, y, reach = x + wide / 2, size * (1 - 0.3), size * 0.19
    if letter == "×":
        pen.line((middle - reach, y - reach, middle + reach, y + reach), 255, line)
        pen.line((middle - reach, y + reach, middle + reach, y - reach), 255, line)
    elif letter == "·":
        pen.ellipse((middle - line, y - line, middle + line, y + line), 255)
    elif letter == "≥":
        pen.line([(middle - reach, y - reach), (middle + reach, y), (middle - reach, y + reach)], 255, line)
        pen.line((middle - reach, y + reach * 1.5, middle + reach, y + reach * 1.5), 255, line)
    else:
        pen.line((x, y, x + wide, y), 255, line)


@cache
def _rgb(name: str) -> tuple[int, int, int]:
    text = colour(name)
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
