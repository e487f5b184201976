"""The classic findings that `convstudy reproduce` repeats. Listing them imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from convstudy.errors import DataError, UnknownNameError
from convstudy.findings.finding import Finding, Outcome, Printed, Setting

HE, SZEGEDY = "He et al. 2015, Deep Residual Learning", "Szegedy et al. 2014, Going Deeper with Convolutions"

FINDINGS: Mapping[str, Finding] = {
    each.name: each
    for each in (
        Finding(
            name="degradation",
            question="Does a plain network get worse on its own training images when it gets deeper, and does a "
            "residual network not?",
            source=f"{HE}, section 4.2, Figure 6 and Table 6",
            printed=(
                Printed("test error of resnet20 on CIFAR-10", "8.75%", "Table 6"),
                Printed("test error of resnet56 on CIFAR-10", "6.97%", "Table 6"),
                Printed("plain20 and plain56", "plain56 above plain20, in training and in test", "Figure 6, left"),
            ),
            quick_minutes="about 13 minutes",
            full_time="about 12 x 182 epochs of CIFAR-10: for a GPU",
            quick_differs="800 digits at 16x16, 8 epochs, 3 seeds",
        ),
        Finding(
            name="identity",
            question="Do residual blocks that are added to a trained network start as the identity, and does weight "
            "decay pull them to it, while plain layers cost accuracy?",
            source=f'the lecture, "Why do residual networks work?"; {HE}, section 3.1',
            printed=(
                Printed("residual blocks", '"guarantee to not hurt the performance of network"', "lecture"),
                Printed("weights and biases under L2", '"nearly equal to zeros", so that a[l+2] = a[l]', "lecture"),
            ),
            quick_minutes="about 12 minutes",
            full_time="hours, or minutes on a GPU",
            quick_differs="digits at 16x16, 3 seeds",
        ),
        Finding(
            name="side-branches",
            question="Do GoogLeNet's side branches speed up convergence, enlarge early gradients and regularize?",
            source=f"{SZEGEDY}, section 5",
            printed=(
                Printed("purpose", "gradients that do not vanish, and regularization", "section 5"),
                Printed("effect on accuracy, by later experiments", "around 0.5%", "version of CVPR 2015, section 5"),
                Printed("lecture", '"they have the regularization effect"', "lecture, side branches at hidden layers"),
            ),
            quick_minutes="about 15 minutes (estimated)",
            full_time="10 x 60 epochs of CIFAR-10: for a GPU",
            quick_differs="600 digits at 80x80, a quarter of the channels, Kaiming initialization, 10 epochs, 3 seeds",
        ),
        Finding(
            name="bottleneck",
            question="Do 1x1 reductions save multiplications and time without costing accuracy?",
            source=f"the lecture, Inception network; {SZEGEDY}, Figure 2",
            printed=(
                Printed("number of multiplications", '"reduce 10 times"', "lecture"),
                Printed("shrinking the channels", '"do not effect the performance of network"', "lecture"),
            ),
            quick_minutes="about 10 minutes (estimated)",
            full_time="6 x 30 epochs of CIFAR-10: for a GPU",
            quick_differs="two inception modules, 500 digits at 24x24, 16 epochs, 3 seeds",
        ),
        Finding(
            name="trends",
            question="Do the lecture's four trends hold in the classic networks?",
            source="the lecture, Trends in CNN, i to iv",
            printed=(
                Printed("i", '"POOL layer requires no learnable parameters"', "lecture"),
                Printed("ii", '"CONV layer requires fewer number of parameters compare FC layers"', "lecture"),
                Printed("iii", '"Activation size decreases gradually with depth of CNN"', "lecture"),
                Printed("iv", '"Number of channels increases gradually with depth of CNN"', "lecture"),
            ),
            quick_minutes="seconds",
            full_time="seconds",
        ),
        Finding(
            name="assignment",
            question="How does the PyTorch tutorial's network compare with ResNet-34, on digits, SIGNS and CIFAR-10?",
            source='the lecture, Assignment #3: "Evaluate and compare the performance results"',
            printed=(),
            quick_minutes="about half an hour",
            full_time="hours, or minutes on a GPU",
            quick_differs="images at 32x32, 1,500 training images of CIFAR-10, 4 to 6 epochs, 3 seeds",
        ),
        Finding(
            name="classics",
            question="Is each of the classic networks better than the one before it?",
            source="the lecture, Well Known Architectures, and the papers of the five networks",
            printed=(
                Printed("LeNet-5, test error on MNIST", "0.95%", "LeCun et al. 1998, section III.B"),
                Printed("AlexNet, top-5 error on ImageNet, one network", "18.2%", "Krizhevsky et al. 2012, Table 2"),
                Printed("VGG of 16 layers, top-5 error, one network", "7.5%", "Simonyan & Zisserman 2014, Table 4"),
                Printed("GoogLeNet, top-5 error, 7 networks", "6.67%", "Szegedy et al. 2014, Table 2"),
                Printed("ResNet-34 (option B), top-5 error, one network", "5.71%", "He et al. 2015, Table 4"),
            ),
            quick_minutes="about 25 minutes",
            full_time="3 seeds x 3 learning rates x 60 epochs of CIFAR-10 at 64x64: for a GPU",
            quick_differs="600 digits, Kaiming initialization, 8 epochs, 3 seeds",
        ),
    )
}


def finding(name: str) -> Finding:
    """Return a finding by its name.

    Raises: UnknownNameError, with the closest name.

    >>> finding("trends").source
    'the lecture, Trends in CNN, i to iv'
    """
    if name not in FINDINGS:
        raise UnknownNameError("finding", name, FINDINGS, hint="`convstudy reproduce` lists them")
    return FINDINGS[name]


def reproduce(name: str, setting: Setting) -> Outcome:
    """Repeat a finding in its folder; what is there already is not repeated.

    Raises: UnknownNameError, if there is no such finding; a ConvstudyError, if a run fails or the data cannot be had.
    """
    module = import_module(f"convstudy.findings.{finding(name).name.replace('-', '_')}")
    try:
        outcome: Outcome = module.reproduce(setting)
    except DataError as error:
        if setting.quick or setting.data is not None:
            raise
        raise DataError(f"{error}; to use images that need no download, set `data` to digits", setting="data") from None
    return outcome
