"""The file `images.npz`: the test images that a report shows, with the networks' predictions and activation maps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convstudy.files import whole_file
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.results import ActivationMap, Findings, MapSource, NetworkAnswer, ShownImage
from convstudy.study.runs.record_file import without_controls

FACTS = "facts"  # everything except pixels and maps, as JSON


def write_images(folder: ComparisonFolder, findings: Findings) -> None:
    """Write each image and each map once, even if it is in several lists."""
    images = {image.id: image for image in (*findings.mistaken, *findings.disagreed)}
    arrays: dict[str, npt.NDArray[np.uint8]] = {}
    for place, image in enumerate(images.values()):
        arrays[str(place)] = image.image
        arrays |= {f"{place}-{number}": each.values for number, each in enumerate(image.maps)}
    facts = {
        "images": [_facts(image) for image in images.values()],
        "mistaken": [image.id for image in findings.mistaken],
        "disagreed": [image.id for image in findings.disagreed],
        "disagreements": findings.disagreements,
        "map_sources": [asdict(source) for source in findings.map_sources],
    }
    with whole_file(_path(folder)) as draft, draft.open("wb") as file:
        written: dict[str, Any] = {FACTS: np.array(json.dumps(facts)), **arrays}
        np.savez_compressed(file, **written)


def with_images(findings: Findings, folder: ComparisonFolder) -> Findings:
    """Return the findings with the stored images; unchanged if none were stored."""
    folder.require_undamaged(_path(folder).name)
    if not _path(folder).exists():
        return findings
    with np.load(_path(folder), allow_pickle=False) as stored:
        facts = json.loads(without_controls(str(stored[FACTS])))
        images = {image["id"]: _image(image, place, stored) for place, image in enumerate(facts["images"])}
    return replace(
        findings,
        mistaken=tuple(images[name] for name in facts["mistaken"]),
        disagreed=tuple(images[name] for name in facts["disagreed"]),
        disagreements=facts["disagreements"],
        map_sources=tuple(MapSource(**source) for source in facts["map_sources"]),
    )


def _path(folder: ComparisonFolder) -> Path:
    return folder.path / "images.npz"


def _facts(image: ShownImage) -> dict[str, Any]:
    plain = {key: value for key, value in vars(image).items() if key not in {"image", "maps", "answers"}}
    maps = [{"model": each.model, "answer": each.answer} for each in image.maps]
    return plain | {"answers": [asdict(answer) for answer in image.answers], "maps": maps}


def _image(facts: dict[str, Any], place: int, stored: Mapping[str, npt.NDArray[np.uint8]]) -> ShownImage:
    maps = [ActivationMap(**each, values=stored[f"{place}-{number}"]) for number, each in enumerate(facts["maps"])]
    answers = tuple(NetworkAnswer(**answer) for answer in facts["answers"])
    return ShownImage(**{**facts, "image": stored[str(place)], "answers": answers, "maps": tuple(maps)})
