"""The network of the lecture's first table, whose printed counts the lecture asks its readers to check."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from convstudy.claims.claim import Claim
from convstudy.zoo.architecture import Architecture


def lecture(num_classes: int, in_channels: int) -> nn.Sequential:
    """Build the rows of the table, under their names, for 32x32 images."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(in_channels, 8, 5),  # 8 x 28 x 28
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),  # 8 x 14 x 14
            conv2=nn.Conv2d(8, 16, 5),  # 16 x 10 x 10
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),  # 16 x 5 x 5
            flatten=nn.Flatten(),  # 400
            fc3=nn.Linear(16 * 5 * 5, 120),  # 120
            relu3=nn.ReLU(),
            fc4=nn.Linear(120, 84),  # 84
            relu4=nn.ReLU(),
            softmax=nn.Linear(84, num_classes),  # classes; the softmax itself is in the loss
        )
    )


TABLE = "the lecture's table 'Neural network example'"
NETWORKS = (
    Architecture(
        name="lecture",
        layers=lecture,
        title="the lecture's example of a neural network",
        source="the lecture's table 'Neural network example'",
        input_shape=(3, 32, 32),
        num_classes=10,
        smallest_side=32,
        fixed_side=32,
        claims=(
            Claim("neurons of conv1", "6,272", TABLE),
            Claim("neurons of pool1", "1,568", TABLE),
            Claim("neurons of conv2", "1,600", TABLE),
            Claim("neurons of pool2", "400", TABLE),
            Claim("neurons of fc3", "120", TABLE),
            Claim("neurons of fc4", "84", TABLE),
            Claim("neurons of softmax", "10", TABLE),
        ),
        misprints=(
            Claim("parameters of conv1", "208", TABLE),
            Claim("parameters of conv2", "416", TABLE),
            Claim("parameters of fc3", "48,001", TABLE),
            Claim("parameters of fc4", "10,081", TABLE),
            Claim("parameters of softmax", "841", TABLE),
        ),
        departures=("the table states neither the pooling nor the activation: max pooling and ReLU",),
    ),
)
