"""Activation maps (Grad-CAM) for the images that a report shows, from the stored weights of one run per network."""

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
from convstudy.study.models.preprocessing import with_channels
from convstudy.study.runs.folder import RunFolder
from convstudy.study.trained.open_run import TrainedRun, open_run

MOST_MAPS = 120  # of all networks together; limits the size of the report of a large study
MOST_IMAGES = 6  # of each kind: mistaken, disagreed
BATCH_SIZE = 4  # images whose activations and gradients are in memory at once
LARGEST_SIDE = 28  # of a stored map; larger maps are downsampled by averaging

Values = npt.NDArray[np.uint8]


def with_maps(findings: Findings, runs: Mapping[str, RunFolder]) -> Findings:
    """Return the findings with a map per network for the first images of each kind; `runs` has one run per network.

    A map shows what supports that run's own prediction. For a network without maps, its `MapSource` has the reason.
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
        run = open_run(folder.path, trusted=True)  # the user named its network
        layer, answers, values = _of_run(run, images)
    except (ConvstudyError, RuntimeError) as error:  # of torch, for a network without gradients
        return MapSource(model, reason=" ".join(str(error).split())[:200]), []
    seed = int(run.record["seed"])
    if layer is None:
        return MapSource(model, seed, reason="none of its modules has feature maps that its output depends on"), []
    found = [ActivationMap(model, answer, value) for answer, value in zip(answers, values, strict=True)]
    return MapSource(model, seed, layer), found


def _of_run(run: TrainedRun, images: Sequence[ShownImage]) -> tuple[str | None, list[int], list[Values]]:
    """Return the layer and, for each image, the network's prediction and the map."""
    device = torch.device("cpu")
    network, preprocessing = run.network(device), run.preprocessing
    layer, answers, values = None, list[int](), list[Values]()
    for start in range(0, len(images), BATCH_SIZE):
        pixels = np.stack([image.image.transpose(2, 0, 1) for image in images[start : start + BATCH_SIZE]])
        sized = resize(with_channels(pixels, preprocessing.in_channels), preprocessing.input_side)
        resident = preprocessing.resident(sized, np.zeros(len(sized), np.int64), device)
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
    """Scale a map to 0..255, where 255 is its highest value; all zeros if nothing supports the class."""
    if max(value.shape) > LARGEST_SIDE:
        value = torch.nn.functional.interpolate(value[None, None], size=(LARGEST_SIDE, LARGEST_SIDE), mode="area")[0, 0]
    highest = value.max().clamp(min=torch.finfo(value.dtype).tiny)
    scaled: Values = (255 * value / highest).round().to(torch.uint8).numpy()
    return scaled
