"""Labels of layers, in the notations of the field."""

import pytest

from convstudy.claims.layer_text import LayerText, read_layer_text


@pytest.mark.parametrize(
    ("label", "layer"),
    [
        ("CONV1 (f=5, s=1)", LayerText("convolution", kernel=(5, 5), stride=(1, 1))),
        ("Conv2 (f = 3, s = 2, p = 1)", LayerText("convolution", kernel=(3, 3), stride=(2, 2), padding=(1, 1))),
        ("conv3-64", LayerText("convolution", kernel=(3, 3), channels=64)),  # Simonyan & Zisserman 2014, Table 1
        ("FC-4096", LayerText("dense", channels=4096)),
        # He et al. 2015, Figure 3
        ("7x7 conv, 64, /2", LayerText("convolution", kernel=(7, 7), stride=(2, 2), channels=64)),
        ("max pool 3x3/2", LayerText("pooling", kernel=(3, 3), stride=(2, 2))),  # Szegedy et al. 2014, Table 1
        ("conv 8@5x5", LayerText("convolution", kernel=(5, 5), channels=8)),
        ("16 filters 5x5, padding same", LayerText("convolution", kernel=(5, 5), channels=16, padding="same")),
        ("Conv2d: 3-1", LayerText("convolution")),
        ("Conv2d-1", LayerText("convolution")),
        ("conv2d_1 (Conv2D)", LayerText("convolution")),
        ("my_pool (Conv2D)", LayerText("convolution")),
        ("C3", LayerText("convolution")), ("S2", LayerText("pooling")), ("F6", LayerText("dense")),
        ("conv (f5, s1)", LayerText("convolution")),
        ("depthwise conv 3x3 s=2", LayerText("depthwise convolution", kernel=(3, 3), stride=(2, 2))),
        ("conv 3x3 groups=4 no bias", LayerText("convolution", kernel=(3, 3), groups=4, bias=False)),
        ("conv kernel_size=(5, 3), dilation=2", LayerText("convolution", kernel=(5, 3), dilation=(2, 2))),
        ("conv 3x5 s=2x1 padding 1×2", LayerText("convolution", kernel=(3, 5), stride=(2, 1), padding=(1, 2))),
        ("pool 3x3 stride 2 ceil", LayerText("pooling", kernel=(3, 3), stride=(2, 2), rounds_up=True)),
        ("BatchNorm2d: 1-2", LayerText("norm")), ("bn1", LayerText("norm")), ("LRN", LayerText("local response norm")),
        ("re_lu_2 (ReLU)", LayerText("activation")), ("global average pool", LayerText("global pooling")),
        ("Softmax", LayerText("softmax")), ("Total", LayerText("total")), ("Input:", LayerText("input")),
        ("add (Add)", LayerText("addition")), ("Concatenate", LayerText("concatenation")), ("Mystery", LayerText()),
    ],
)  # fmt: skip
def test_labels_are_read_in_every_notation(label: str, layer: LayerText) -> None:
    assert read_layer_text(label) == layer
