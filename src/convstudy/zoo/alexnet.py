"""AlexNet (Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks)."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from torch import nn

from convstudy.claims.claim import Claim
from convstudy.zoo.architecture import Architecture

# Section 3.3; the paper multiplies the sum over n maps by alpha, torch divides alpha by n first.
ResponseNorm = partial(nn.LocalResponseNorm, size=5, alpha=5 * 1e-4, beta=0.75, k=2.0)


def alexnet(num_classes: int, in_channels: int) -> nn.Sequential:
    """Build AlexNet (Figure 2); output shapes are for 3 x 224 x 224.

    The two towers, one per GPU, are the two groups of conv2, conv4 and conv5; conv3 and the dense layers see both.
    """
    network = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(in_channels, 96, 11, stride=4, padding=2),  # 96 x 55 x 55
            relu1=nn.ReLU(),
            norm1=ResponseNorm(),
            pool1=nn.MaxPool2d(3, stride=2),  # 96 x 27 x 27
            conv2=nn.Conv2d(96, 256, 5, padding=2, groups=2),  # 256 x 27 x 27
            relu2=nn.ReLU(),
            norm2=ResponseNorm(),
            pool2=nn.MaxPool2d(3, stride=2),  # 256 x 13 x 13
            conv3=nn.Conv2d(256, 384, 3, padding=1),  # 384 x 13 x 13
            relu3=nn.ReLU(),
            conv4=nn.Conv2d(384, 384, 3, padding=1, groups=2),  # 384 x 13 x 13
            relu4=nn.ReLU(),
            conv5=nn.Conv2d(384, 256, 3, padding=1, groups=2),  # 256 x 13 x 13
            relu5=nn.ReLU(),
            pool5=nn.MaxPool2d(3, stride=2),  # 256 x 6 x 6
            avgpool=nn.AdaptiveAvgPool2d(6),  # 256 x 6 x 6, unchanged; for inputs of other sizes
            flatten=nn.Flatten(),  # 9,216
            fc6=nn.Linear(256 * 6 * 6, 4096),  # 4,096
            relu6=nn.ReLU(),
            dropout6=nn.Dropout(0.5),
            fc7=nn.Linear(4096, 4096),  # 4,096
            relu7=nn.ReLU(),
            dropout7=nn.Dropout(0.5),
            fc8=nn.Linear(4096, num_classes),  # classes
        )
    )
    for name, layer in network.named_children():
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
            nn.init.normal_(layer.weight, 0, 0.01)  # section 5, with biases of 1 where it names them
            nn.init.constant_(layer.bias, 1 if name in {"conv2", "conv4", "conv5", "fc6", "fc7"} else 0)
    return network


CAPTION = "Krizhevsky et al. 2012, caption of Figure 2"
FIGURE = "Krizhevsky et al. 2012, worked out from the kernels of Figure 2"

NETWORKS = (
    Architecture(
        name="alexnet",
        layers=alexnet,
        title="AlexNet, in two towers",
        source="Krizhevsky et al. 2012, Figure 2",
        input_shape=(3, 224, 224),
        num_classes=1000,
        smallest_side=63,
        claims=(
            Claim("parameters", "60 million", "Krizhevsky et al. 2012, abstract"),
            Claim("parameters", "60,965,224", FIGURE),
            Claim("parameters of conv1", "34,944", FIGURE),
            Claim("parameters of conv2", "307,456", FIGURE),
            Claim("parameters of conv3", "885,120", FIGURE),
            Claim("parameters of conv4", "663,936", FIGURE),
            Claim("parameters of conv5", "442,624", FIGURE),
            Claim("parameters of fc6", "37,752,832", FIGURE),
            Claim("parameters of fc7", "16,781,312", FIGURE),
            Claim("parameters of fc8", "4,097,000", FIGURE),
            Claim("neurons of conv2", "186,624", CAPTION),
            Claim("neurons of conv3", "64,896", CAPTION),
            Claim("neurons of conv4", "64,896", CAPTION),
            Claim("neurons of conv5", "43,264", CAPTION),
            Claim("neurons of fc6", "4096", CAPTION),
            Claim("neurons of fc7", "4096", CAPTION),
            Claim("neurons of fc8", "1000", CAPTION),
        ),
        misprints=(Claim("neurons of conv1", "253,440", CAPTION),),  # 96 x 55 x 55 = 290,400
        departures=(
            "2 pixels of padding around the input: without it, 224 pixels do not give the 55 of Figure 2",
            "response normalization extends across the boundary between the two towers",
            "inputs of other sizes than 224 are pooled to 6x6 before the dense layers",
        ),
    ),
)
