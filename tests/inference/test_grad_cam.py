"""Grad-CAM against its equations by hand, class activation maps, and finite differences."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor, nn

from convstudy.inference import grad_cam


class Pooled(nn.Module):
    """Convolution, ReLU, global average pooling, one linear layer: the networks of Zhou et al. 2016."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(inplace=True))
        self.classify = nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.classify(self.features(x).mean((2, 3)))
        return logits


IMAGES = torch.randn(3, 3, 8, 7, generator=torch.Generator().manual_seed(1))
CLASSES = torch.tensor([2, 0, 3])


def test_with_global_average_pooling_it_is_a_class_activation_map() -> None:
    """Selvaraju et al. 2017, section 3.1: CAM is Grad-CAM up to a factor, here the number of positions."""
    network = Pooled().eval()
    found = grad_cam(network, IMAGES, CLASSES)
    assert found is not None
    assert found.layer == "features"
    features = network.features(IMAGES)
    cam = torch.einsum("nk,nkij->nij", network.classify.weight[CLASSES], features)  # Zhou et al. 2016, equation 2
    torch.testing.assert_close(found.maps * 6 * 5, cam.relu())
    assert (found.maps > 0).any()


def test_weights_are_the_mean_change_of_the_logit() -> None:
    """Equation 1 by finite differences: a channel raised by e changes the logit by e times its gradients' sum."""
    torch.manual_seed(0)
    head = nn.Sequential(nn.Flatten(), nn.Linear(2 * 4 * 4, 6), nn.Tanh(), nn.Linear(6, 3)).double()
    network = nn.Sequential(nn.Conv2d(1, 2, 3), head).double()
    image = torch.randn(1, 1, 6, 6, dtype=torch.float64)
    found = grad_cam(network, image, torch.tensor([1]))
    assert found is not None
    assert found.layer == "0"
    features, step = network[0](image).detach(), 1e-6
    weights = []
    for channel in range(2):
        raised = features.clone()
        raised[:, channel] += step
        weights.append((head(raised) - head(features))[0, 1].item() / step / 16)
    expected = (weights[0] * features[0, 0] + weights[1] * features[0, 1]).relu()
    torch.testing.assert_close(found.maps[0], expected, rtol=1e-4, atol=1e-6)


def test_the_network_is_left_as_it_was() -> None:
    network = Pooled().train().requires_grad_(False)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.inference_mode():
        assert grad_cam(network, IMAGES, CLASSES) is not None  # frozen weights and inference mode are no hindrance
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(parameter.grad is None for parameter in network.parameters())


class Detached(Pooled):
    """A branch of feature maps that comes last and has no part in the logits."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Conv2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        self.unused(x)
        return logits


@pytest.mark.parametrize(
    ("network", "side", "layer"),
    [
        (torchvision.models.resnet18(num_classes=4), 64, "layer4"),
        (torchvision.models.vgg11(num_classes=4), 64, "avgpool"),
        (torchvision.models.densenet121(num_classes=4), 64, "features"),
        (torchvision.models.convnext_tiny(num_classes=4), 64, "features"),
        (Detached(), 8, "features"),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 4)), 8, None),
        (nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4)), 8, None),
    ],
    ids=["resnet18", "vgg11", "densenet121", "convnext", "an unused branch", "no maps", "maps of one position"],
)
def test_the_layer_is_the_last_with_feature_maps(network: nn.Module, side: int, layer: str | None) -> None:
    found = grad_cam(network, torch.randn(2, 3, side, side), torch.tensor([0, 3]))
    assert (found and found.layer) == layer
    if found:
        assert found.maps.shape[0] == 2
        assert (found.maps >= 0).all()


def test_an_images_map_does_not_depend_on_the_others() -> None:
    network = Pooled()
    together, alone = grad_cam(network, IMAGES, CLASSES), grad_cam(network, IMAGES[1:2], CLASSES[1:2])
    assert together is not None
    assert alone is not None
    torch.testing.assert_close(together.maps[1:2], alone.maps)
