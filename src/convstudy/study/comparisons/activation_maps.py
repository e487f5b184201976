"""Where networks looked in the images that a report shows: Grad-CAM, from the stored weights of a run of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from convstudy.data import resize
from convstudy.errors import ConvstudyError
from convstudy.inference import grad_cam
from convstudy.study.comparisons.results import ActivationMap, Findings, MapSource, ShownImage
from convstudy.study.models.preprocessing import recoloured
from convstudy.study.runs.folder import RunFolder
from convstudy.study.trained.open_run import TrainedRun, open_run

MOST_MAPS = 120  # of all networks together, so that the report of a large study stays light
MOST_IMAGES = 6  # of each kind: mistaken, disagreed
BATCH_SIZE = 4  # images whose activations are held at once, with their gradients
LARGEST_SIDE = 28  # of a stored map; a layer with larger ones is averaged down

Values = npt.NDArray[np.uint8]


def with_maps(findings: Findings, runs: Mapping[str, RunFolder]) -> Findings:
    """The findings with a map of each network for the first images of each kind, of one run a network, by its name.

    The class that a map is of is that run's own answer. A network that has no maps is told with the reason.
    """
    each = max(min(MOST_IMAGES, MOST_MAPS // (2 * max(len(runs), 1))), 1)
    shown = {image.id: image for image in (*findings.disagreed[:each], *findings.mistaken[:each])}
    if not shown:
        return findings
    sources, maps = [], {name: list[ActivationMap]() for name in shown}
    for model, folder in runs.items():
        source, of_images = _maps(model, folder, list(shown.values()))
        sources.append(source)
        for name, found in zip(shown, of_images, strict=False):
            maps[name].append(found)

    def mapped(images: Sequence[ShownImage]) -> tuple[ShownImage, ...]:
        return tuple(replace(image, maps=tuple(maps.get(image.id, ()))) for image in images)

    return replace(
        findings, disagreed=mapped(findings.disagreed), mistaken=mapped(findings.mistaken), map_sources=tuple(sources)
    )


def _maps(model: str, folder: RunFolder, images: Sequence[ShownImage]) -> tuple[MapSource, list[ActivationMap]]:
    try:
        run = open_run(folder.path)
        layer, answers, values = _of_run(run, images)
    except (ConvstudyError, RuntimeError) as error:  # of torch, for a network that knows no gradient
        return MapSource(model, reason=" ".join(str(error).split())[:200]), []
    seed = int(run.record["seed"])
    if layer is None:
        return MapSource(model, seed, reason="none of its modules has feature maps that its answer comes from"), []
    found = [ActivationMap(model, answer, value) for answer, value in zip(answers, values, strict=True)]
    return MapSource(model, seed, layer), found


def _of_run(run: TrainedRun, images: Sequence[ShownImage]) -> tuple[str | None, list[int], list[Values]]:
    """The layer, and of each image the network's answer and its map."""
    device = torch.device("cpu")
    network, treatment = run.network(device), run.preprocessing
    layer, answers, values = None, list[int](), list[Values]()
    for start in range(0, len(images), BATCH_SIZE):
        pixels = np.stack([image.image.transpose(2, 0, 1) for image in images[start : start + BATCH_SIZE]])
        sized = resize(recoloured(pixels, treatment.in_channels), treatment.input_side)
        resident = treatment.resident(sized, np.zeros(len(sized), np.int64), device)
        batch = resident.normalized(resident.images)
        with torch.no_grad():
            answer = network(batch).argmax(1)
        found = grad_cam(network, batch, answer)
        if found is None:
            return None, [], []
        layer = found.layer
        answers += answer.tolist()
        values += [_bytes(value) for value in found.maps]
    return layer, answers, values


def _bytes(value: torch.Tensor) -> Values:
    """0..255, the strongest position 255; all zero where nothing speaks for the class."""
    if max(value.shape) > LARGEST_SIDE:
        value = torch.nn.functional.interpolate(value[None, None], size=(LARGEST_SIDE, LARGEST_SIDE), mode="area")[0, 0]
    highest = value.max().clamp(min=torch.finfo(value.dtype).tiny)
    scaled: Values = (255 * value / highest).round().to(torch.uint8).numpy()
    return scaled
