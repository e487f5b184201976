"""torchvision's networks of every task against its published figures, and networks of transformers by configuration."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from convstudy.analysis import Inputs
from convstudy.errors import ModelError, ShapeError, ToolError, UnknownNameError
from convstudy.study import network_at_inputs, open_model
from convstudy.study.models.entering import entrant
from convstudy.zoo.hugging_face import _inputs

OTHER_TASKS = sorted(
    set(torchvision.models.list_models()) - set(torchvision.models.list_models(module=torchvision.models))
)


@pytest.mark.parametrize("name", OTHER_TASKS)
def test_parameters_of_every_task_are_the_published(name: str) -> None:
    network = network_at_inputs(f"torchvision:{name}", Inputs()).network
    published = torchvision.models.get_model_weights(name).DEFAULT.meta["num_params"]
    parameters = sum(parameter.numel() for parameter in network.parameters())
    if name == "quantized_googlenet":  # the published figure is without the two side branches
        parameters -= sum(p.numel() for n, p in network.named_parameters() if n.startswith("aux"))
    assert parameters == published


@pytest.mark.parametrize(
    "name",
    [
        "deeplabv3_mobilenet_v3_large",
        "lraspp_mobilenet_v3_large",
        "fcn_resnet50",
        "s3d",
        "r3d_18",
        "mvit_v2_s",
        "raft_small",
        "ssdlite320_mobilenet_v3_large",
        "quantized_shufflenet_v2_x0_5",
    ],
)
def test_macs_of_every_task_are_the_published(name: str) -> None:
    published = torchvision.models.get_model_weights(name).DEFAULT.meta["_ops"]
    macs = network_at_inputs(f"torchvision:{name}", Inputs()).count().totals.macs
    assert round(macs / 1e9, 3) == published


def test_a_network_of_another_task_is_not_trained() -> None:
    for name, task in (("raft_small", "optical flow"), ("ssd300_vgg16", "detection")):
        with pytest.raises(ModelError, match=task):
            entrant(open_model(f"torchvision:{name}"), (3, 64, 64), 10)


def test_sizes_that_a_task_does_not_have_get_one_line() -> None:
    with pytest.raises(ModelError, match="no classes; got 7"):
        network_at_inputs("torchvision:raft_small", Inputs(), classes=7)
    with pytest.raises(ShapeError, match="expected 3 channels"):
        network_at_inputs("torchvision:fcn_resnet50", Inputs(((2, 64, 64),))).count()
    with pytest.raises(ShapeError, match=r"expected 3x16x32x32$"):
        network_at_inputs("torchvision:r3d_18", Inputs(((1, 3, 16, 32, 32),))).count()
    segmented = network_at_inputs("torchvision:lraspp_mobilenet_v3_large", Inputs(((3, 64, 64),)), classes=5)
    assert segmented.count().output_shapes == ((5, 64, 64),)


class Configuration:
    """A configuration of two layers of `width`, as far as one of transformers is used."""

    is_encoder_decoder = False
    architectures = None

    def __init__(self, **settings: Any) -> None:
        self.num_labels, self.image_size, self.num_channels, self.width = 2, 16, 3, 5
        self.max_position_embeddings = 77
        vars(self).update(settings)

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> Configuration:
        return cls(**settings)


class PreTrained(nn.Module):
    config_class: Any = None


class TinyForBoth(PreTrained):
    """An image and tokens, as in CLIP."""

    config_class = Configuration
    main_input_name = "input_ids"
    input_modalities = ("image", "text")

    def __init__(self, configuration: Configuration) -> None:
        super().__init__()
        self.image = nn.Conv2d(configuration.num_channels, configuration.width, 1)
        self.text = nn.Embedding(10, configuration.width)
        self.head = nn.Linear(configuration.width, configuration.num_labels)

    def forward(self, input_ids: Tensor, pixel_values: Tensor) -> dict[str, Tensor]:
        return {"logits": self.head(self.image(pixel_values).mean((2, 3)) + self.text(input_ids).mean(1))}


class FakeTransformers:
    """What of transformers is used; the test below does the same with the installed one."""

    __version__ = "5.0"
    PreTrainedModel = PreTrained
    TinyForBoth = TinyForBoth
    CONFIG_MAPPING = {"tiny": Configuration}  # noqa: RUF012
    MODEL_MAPPING = {Configuration: (TinyForBoth,)}  # noqa: RUF012
    logging = SimpleNamespace(get_verbosity=int, set_verbosity=lambda _: None, set_verbosity_error=lambda: None)

    class AutoConfig:
        @staticmethod
        def for_model(_: str) -> Configuration:
            return Configuration()

        @staticmethod
        def from_pretrained(name: str, *, local_files_only: bool) -> Configuration:
            if local_files_only or name != "who/tiny-wide":
                raise OSError(f"{name} is not there\nsecond line")
            return Configuration(width=50, architectures=["TinyForBoth"])


@pytest.fixture
def transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", FakeTransformers)
    monkeypatch.setitem(sys.modules, "huggingface_hub.constants", None)  # no hub to look for


@pytest.mark.parametrize(("name", "width"), [("tiny", 5), ("TinyForBoth", 5), ("who/tiny-wide", 50)])
def test_networks_of_transformers_open_by_type_class_and_repository(transformers: None, name: str, width: int) -> None:
    at = network_at_inputs(f"hf:{name}", Inputs())
    assert {key: value.shape for key, value in at.inputs.named.items()} == {
        "input_ids": (77,),
        "pixel_values": (3, 16, 16),
    }
    table = at.count()
    assert table.totals.parameters == 4 * width + 10 * width + (width + 1) * 2
    assert table.totals.macs == 16 * 16 * 3 * width + width * 2
    assert network_at_inputs(f"hf:{name}", Inputs(), classes=7).count().output_shapes == ((7,),)


def test_networks_of_transformers_that_cannot_be_opened_get_one_line(transformers: None) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'tiny'"):
        open_model("hf:tinny")
    with pytest.raises(UnknownNameError, match="did you mean 'TinyForBoth'"):
        open_model("hf:TinyForBooth")
    with pytest.raises(ModelError, match=r"hf:who/other: .* is not there$"):
        open_model("hf:who/other")
    with pytest.raises(ModelError, match="transformers"):
        entrant(open_model("hf:tiny"), (3, 64, 64), 10)


def test_a_hub_that_cannot_be_reached_is_not_asked_again(transformers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    constants = SimpleNamespace(ENDPOINT="http://127.0.0.1:9")  # the port of no server
    monkeypatch.setitem(sys.modules, "huggingface_hub.constants", constants)
    monkeypatch.setattr("convstudy.zoo.hugging_face.getproxies", dict)
    with pytest.raises(ModelError, match=r"127\.0\.0\.1 cannot be reached"):
        open_model("hf:who/tiny-wide")


def inputs_of(kind: Any, **settings: Any) -> dict[str, tuple[int, ...]]:
    return {str(each.name): each.shape for each in _inputs(Configuration(**settings), kind)}


def test_images_in_place_of_tokens_are_left_out() -> None:
    assert inputs_of(TinyForBoth) == {"input_ids": (77,), "pixel_values": (3, 16, 16)}
    assert inputs_of(TinyForBoth, image_token_id=9) == {"input_ids": (77,)}


class Hearing(PreTrained):
    main_input_name = "input_features"

    def forward(self, input_features: Tensor) -> Tensor:
        return input_features


class Coding(PreTrained):
    main_input_name = "input_values"

    def forward(self, input_values: Tensor) -> Tensor:
        return input_values


def test_sound_has_the_shape_that_the_configuration_states() -> None:
    assert inputs_of(Hearing) == {"input_features": (80, 3000)}
    assert inputs_of(Hearing, audio_config={"spec_size": 32, "num_mel_bins": 8}) == {"input_features": (1, 128, 8)}
    assert inputs_of(Coding) == {"input_values": (16000,)}
    assert inputs_of(Coding, audio_channels=2) == {"input_values": (2, 16000)}


def test_transformers_not_installed_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ToolError, match=r"hf:vit needs transformers; pip install .*\[transformers\]"):
        open_model("hf:vit")


@pytest.mark.parametrize("name", ["bert", "vit", "clip", "t5", "wav2vec2", "segformer", "speecht5"])
def test_default_configurations_of_the_installed_transformers(name: str) -> None:
    """Against torch's own counter."""
    transformers = pytest.importorskip("transformers", reason="optional: networks of transformers by configuration")
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network = transformers.AutoModel.from_config(transformers.AutoConfig.for_model(name)).eval()
        at = network_at_inputs(f"hf:{name}", Inputs())
        network(**{key: torch.zeros(1, *given.shape, dtype=given.dtype) for key, given in at.inputs.named.items()})
    totals = at.count().totals
    assert totals.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert totals.macs == counter.get_total_flops() // 2
