"""Grad-CAM: the regions of an image that a network used as evidence for a class."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class GradCam:
    """The maps of N images, N x h x w, none below 0, and the path of the module whose output they weight."""

    layer: str
    maps: Tensor


def grad_cam(network: nn.Module, images: Tensor, classes: Tensor) -> GradCam | None:
    """Return the maps of N preprocessed images for one class each, or None if the network has no feature maps.

    The layer is the last module with an output of N x channels x h x w and more than one position that contributes to
    the logits: the last convolutional stage. The network is switched to evaluation mode during the call and then
    restored.

    Source: Selvaraju et al. 2017, Grad-CAM, equations 1 and 2, of the logit before the softmax.

    >>> pool = nn.Sequential(nn.Identity(), nn.AdaptiveAvgPool2d(1), nn.Flatten())  # logits: channel means
    >>> image = torch.tensor([[[[1.0, -3.0], [2.0, 0.0]]]])
    >>> found = grad_cam(pool, image, torch.tensor([0]))
    >>> found.layer, found.maps.tolist()  # a weight of 1/4, equation 1; nothing below zero, equation 2
    ('0', [[[0.25, 0.0], [0.5, 0.0]]])
    """
    training = network.training
    network.eval()
    try:
        with torch.inference_mode(mode=False), torch.enable_grad():
            return _grad_cam(network, images.clone().requires_grad_(), classes)
    finally:
        network.train(training)


def _grad_cam(network: nn.Module, images: Tensor, classes: Tensor) -> GradCam | None:
    outputs: list[tuple[str, Tensor]] = []

    def keep(path: str, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output[0, 0].numel() > 1 and output.requires_grad:
            outputs.append((path, output))

    hooks = [
        module.register_forward_hook(lambda _, __, output, path=path: keep(path, output))
        for path, module in network.named_modules()
        if path
    ]
    try:
        logits = network(images)
    finally:
        for hook in hooks:
            hook.remove()
    score = logits.gather(1, classes[:, None]).sum()  # an image's logit is independent of the other images
    for path, features in reversed(outputs):
        (gradient,) = torch.autograd.grad(score, features, retain_graph=True, allow_unused=True)
        if gradient is not None:
            weights = gradient.mean((2, 3), keepdim=True)  # equation 1
            return GradCam(path, (weights * features).sum(1).relu().detach())  # equation 2
    return None
