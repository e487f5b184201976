"""The network of the PyTorch tutorial "Training a Classifier", whose shape is that of LeNet-5."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from convstudy.claims.claim import Claim
from convstudy.zoo.architecture import Architecture


def net(num_classes: int, in_channels: int) -> nn.Sequential:
    """Build two convolutions and three dense layers for 32x32 images; the state keys are the tutorial's."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(in_channels, 6, 5),  # 6 x 28 x 28
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),  # 6 x 14 x 14
            conv2=nn.Conv2d(6, 16, 5),  # 16 x 10 x 10
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),  # 16 x 5 x 5
            flatten=nn.Flatten(),  # 400
            fc1=nn.Linear(16 * 5 * 5, 120),  # 120
            relu3=nn.ReLU(),
            fc2=nn.Linear(120, 84),  # 84
            relu4=nn.ReLU(),
            fc3=nn.Linear(84, num_classes),  # classes
        )
    )


NETWORKS = (
    Architecture(
        name="net",
        layers=net,
        title="the PyTorch tutorial's network",
        source="PyTorch tutorial, Training a Classifier",
        input_shape=(3, 32, 32),
        num_classes=10,
        smallest_side=32,
        fixed_side=32,
        claims=(Claim("parameters", "62,006", "the tutorial's layers: 456 + 2,416 + 48,120 + 10,164 + 850"),),
    ),
)
