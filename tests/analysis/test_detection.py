"""torchvision's detection models against the figures of their published weights."""

from __future__ import annotations

from typing import Any

import pytest
import torchvision
from torch import nn
from torchvision.models import get_model, get_model_weights, list_models

from convstudy.analysis import Inputs, LayerTable, count
from convstudy.analysis.unallocated import unallocated
from convstudy.study import network_at_inputs

NAMES = list_models(module=torchvision.models.detection)
FIXED = {"ssd300_vgg16": 300, "ssdlite320_mobilenet_v3_large": 320}  # sides of their inputs


def counted(name: str) -> tuple[nn.Module, LayerTable]:
    """Count a model, at a small input and with few regions where it takes them: parameters do not depend on these."""
    options: dict[str, Any] = {} if name in FIXED else {"min_size": 32, "max_size": 32}
    if "rcnn" in name:
        options |= {"rpn_post_nms_top_n_test": 5, "box_detections_per_img": 1}
    side = FIXED.get(name, 32)
    with unallocated():
        network = get_model(name, weights=None, weights_backbone=None, **options)
    return network, count(network, (3, side, side))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_detection(name: str) -> None:
    """Published weights of the first versions have frozen norms, whose numbers are no parameters; ours train them."""
    meta = next(iter(get_model_weights(name))).meta
    network, table = counted(name)
    norms = sum(
        parameter.numel()
        for module in network.modules()
        if isinstance(module, nn.BatchNorm2d)
        for parameter in module.parameters()
    )
    frozen = 0 if name.endswith("_v2") or name in FIXED else norms
    assert table.totals.parameters == meta["num_params"] + frozen
    assert (table.step, table.failure, table.uncounted) == ("forward pass", "", ())
    if name in FIXED:
        assert round(table.totals.macs / 1e9, 3) == meta["_ops"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fasterrcnn_mobilenet_v3_large_fpn", "fasterrcnn_mobilenet_v3_large_320_fpn"])
def test_macs_are_the_published_without_regions(name: str) -> None:
    """The published figures are those of a random image, in which the published weights propose no region."""
    at = network_at_inputs(f"torchvision:{name}", Inputs())
    proposing: Any = at.network.get_submodule("rpn")
    regions = proposing._post_nms_top_n["testing"]
    with_regions = at.count().totals.macs
    proposing.score_thresh = 2.0
    without = at.count().totals.macs
    assert round(without / 1e9, 3) == get_model_weights(name).DEFAULT.meta["_ops"]
    assert with_regions - without == regions * (256 * 7 * 7 * 1024 + 1024 * 1024 + 1024 * 91 * 5)
