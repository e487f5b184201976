"""What must not happen in a drawing: text on text, text outside of its box, lines through boxes, lines that cross."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from convstudy.drawing.scene import Group, Line, Point, Rect, Scene, Text

Box = tuple[float, float, float, float]
Segment = tuple[Point, Point]
TOUCH = 0.6  # px by which a line may enter a box, where it ends


def overlapping_texts(scene: Scene, *, wide: bool = False) -> list[tuple[str, str]]:
    """Return the pairs of texts on each other in Helvetica or, if `wide`, in DejaVu Sans."""
    boxes = sorted((text.box(wide=wide), text.text) for text in scene.texts())
    found = []
    for number, (box, text) in enumerate(boxes):
        for other, second in boxes[number + 1 :]:
            if other[0] >= box[2] - 0.05:
                break
            if _overlap(box, other):
                found.append((text, second))
    return found


def escaping_texts(scene: Scene, *, wide: bool = False) -> list[str]:
    """Return the texts that leave their box, or the picture."""
    found = []
    for group in scene.marks:
        marks = group.marks if isinstance(group, Group) else (group,)
        rect = next((mark for mark in marks if isinstance(mark, Rect)), None)
        inside = (
            (rect.x, rect.y, rect.x + rect.width, rect.y + rect.height) if rect else (0, 0, scene.width, scene.height)
        )
        for mark in marks:
            if isinstance(mark, Text):
                left, top, right, foot = mark.box(wide=wide)
                if left < inside[0] or top < inside[1] or right > inside[2] + 0.05 or foot > inside[3]:
                    found.append(mark.text)
    return found


def boxes_outside(scene: Scene) -> list[Box]:
    """Return the boxes that leave the picture."""
    return [box for box in scene.boxes if box[0] < 0 or box[1] < 0 or box[2] > scene.width or box[3] > scene.height]


def lines_through_boxes(scene: Scene) -> list[tuple[Segment, Box]]:
    """Return the straight pieces of lines that pass through a box of a layer, or through text."""
    texts = [text.box() for text in scene.texts() if not text.bold or text.fill != "paper"]
    boxes = [*scene.boxes, *texts]
    return [(segment, box) for segment in _segments(scene) for box in boxes if _through(segment, box)]


def crossings(scene: Scene) -> list[tuple[Segment, Segment]]:
    """Return the pairs of a horizontal and a vertical piece that cross; those that meet at an end do not."""
    segments = _segments(scene)
    level = [segment for segment in segments if segment[0][1] == segment[1][1]]
    upright = sorted((segment for segment in segments if segment[0][0] == segment[1][0]), key=lambda each: each[0][0])
    found = []
    for (a, y), (b, _) in level:
        for (x, c), (_, d) in upright:
            if min(a, b) + TOUCH < x < max(a, b) - TOUCH and min(c, d) + TOUCH < y < max(c, d) - TOUCH:
                found.append((((a, y), (b, y)), ((x, c), (x, d))))
    return found


def _segments(scene: Scene) -> list[Segment]:
    lines: Sequence[Line] = [
        mark for mark in scene.all_marks() if isinstance(mark, Line) and mark.stroke in {"line", "shortcut"}
    ]
    return [segment for line in lines for segment in pairwise(line.points) if segment[0] != segment[1]]


def _through(segment: Segment, box: Box) -> bool:
    (a, b), (c, d) = segment
    left, right, top, foot = min(a, c), max(a, c), min(b, d), max(b, d)
    return right > box[0] + TOUCH and left < box[2] - TOUCH and foot > box[1] + TOUCH and top < box[3] - TOUCH


def _overlap(one: Box, two: Box) -> bool:
    across = min(one[2], two[2]) - max(one[0], two[0])
    return across > 0.05 and min(one[3], two[3]) - max(one[1], two[1]) > 0.05
