"""Weights from files and from torchvision's enums; the collections; every failure in one line."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from convstudy.errors import ConvstudyError, ModelError, UnknownNameError
from convstudy.zoo import ARCHITECTURES, build, load_weights, official_weights, open_architecture
from convstudy.zoo.weights import official_file

RESNET18_FILE = "resnet18-f37072fd.pth"  # torchvision's name for it, which ends in the beginning of its hash


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of torch's hub, on a machine without a network."""

    def unreachable(*_: object) -> None:
        raise URLError("Name or service not known")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    return tmp_path / "hub" / "checkpoints"


def state(seed: int = 0, classes: int = 10) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return build("net", num_classes=classes, in_channels=3).state_dict()


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize(
    "form",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": {f"module.{key}": value for key, value in state.items()}},
        lambda state: {f"_orig_mod.{key}": value for key, value in state.items()},
    ],
)
def test_what_torch_save_and_training_scripts_write_is_read(tmp_path: Path, form) -> None:  # type: ignore[no-untyped-def]
    torch.save(form(state(0)), tmp_path / "net.pth")
    network = build("net", num_classes=10, in_channels=3)
    load_weights(network, tmp_path / "net.pth")
    assert same(network.state_dict(), state(0))


def test_safetensors_are_read_and_a_network_opens_with_them(tmp_path: Path) -> None:
    save_file(state(0), tmp_path / "net.safetensors")
    known = open_architecture(f"net@{tmp_path / 'net.safetensors'}")
    assert same(known.build(num_classes=10, in_channels=3).state_dict(), state(0))
    assert known.fixed_side == 32


def test_another_number_of_classes_keeps_a_new_classifier(tmp_path: Path) -> None:
    save_file(state(0), tmp_path / "net.safetensors")
    torch.manual_seed(1)
    network = open_architecture(f"net@{tmp_path / 'net.safetensors'}").build(num_classes=4, in_channels=3)
    trained, new, found = state(0), state(1, classes=4), network.state_dict()
    assert all(torch.equal(found[key], trained[key]) for key in found if not key.startswith("fc3"))
    assert all(torch.equal(found[key], new[key]) for key in found if key.startswith("fc3"))


def test_nothing_is_copied_on_the_meta_device(tmp_path: Path) -> None:
    save_file(state(0), tmp_path / "net.safetensors")
    with torch.device("meta"):
        network = open_architecture(f"net@{tmp_path / 'net.safetensors'}").build(num_classes=10, in_channels=3)
    assert all(parameter.is_meta for parameter in network.parameters())


class Harm:
    """Pickled code: it would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_pickled_code_is_not_run(tmp_path: Path) -> None:
    harm = tmp_path / "harm"
    torch.save({"conv1.weight": Harm(harm)}, tmp_path / "net.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Harm(harm)))
    for name in ("net.pth", "plain.pth"):
        with pytest.raises(ModelError, match=f"{name} .*pickled code is not run"):
            load_weights(build("net", num_classes=10, in_channels=3), tmp_path / name)
    assert not harm.exists()


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    whole = state(0)
    network = build("net", num_classes=10, in_channels=1)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    for wrong, message in (
        (whole, "net.pth does not fit: conv1.weight is 6x3x5x5; expected 6x1x5x5"),
        ({key: whole[key] for key in whole if "fc" not in key}, "net.pth does not fit: it lacks fc1.weight and 5 more"),
        (whole | {"fc4.bias": whole["fc3.bias"]}, "net.pth does not fit: it has fc4.bias; expected"),
        (state(0, classes=4), "net.pth does not fit: conv1.weight"),
        ([1, 2], "net.pth contains no named tensors"),
        ({"epoch": 3}, "net.pth contains no named tensors"),
        ({}, "net.pth contains no named tensors"),
    ):
        torch.save(wrong, tmp_path / "net.pth")
        with pytest.raises(ModelError, match=message) as caught:
            load_weights(network, tmp_path / "net.pth")
        assert "\n" not in str(caught.value)
    assert same(network.state_dict(), before)


@pytest.mark.parametrize("name", ["net.pth", "net.pt", "net.safetensors"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\xff" * 100, b"no weights\nat all\n"])
def test_a_damaged_file_is_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError) as caught:
        load_weights(build("net", num_classes=10, in_channels=3), tmp_path / name)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_a_wrong_or_missing_file_is_one_line(tmp_path: Path) -> None:
    network = build("net", num_classes=10, in_channels=3)
    with pytest.raises(ModelError, match=r"net\.h5 .*\.safetensors"):
        load_weights(network, tmp_path / "net.h5")
    with pytest.raises(ModelError, match=r"net\.pth"):
        load_weights(network, tmp_path / "net.pth")


def test_official_weights_are_taken_from_torch_s_hub_cache(hub: Path) -> None:
    hub.mkdir(parents=True)
    torch.manual_seed(0)
    theirs = torchvision.models.resnet18().eval()
    torch.save(theirs.state_dict(), hub / RESNET18_FILE)
    assert same(official_weights("resnet18"), theirs.state_dict())
    images = torch.randn(1, 3, 64, 64)
    for text in ("resnet18@imagenet", "resnet18@IMAGENET1K_V1", "torchvision:resnet18@imagenet"):
        network = open_architecture(text).build(num_classes=1000, in_channels=3).eval()
        with torch.inference_mode():
            assert torch.allclose(network(images), theirs(images), atol=1e-5)
    transferred = open_architecture("resnet18@imagenet").build(num_classes=6, in_channels=3)
    assert torch.equal(transferred.get_parameter("layer4.1.conv2.weight"), theirs.layer4[1].conv2.weight)


def test_offline_the_message_says_which_file_to_put_where(hub: Path) -> None:
    with pytest.raises(ModelError, match="cannot be downloaded") as caught:
        open_architecture("resnet18@imagenet")
    assert str(caught.value).endswith(f" {hub / RESNET18_FILE}")
    assert "Name or service not known" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resnet3A@imagenet", r"no network is named 'resnet3A'; did you mean 'resnet34'\?"),
        ("resnet50@IMAGENET1K_V3", r"no set of weights for resnet50 is named 'IMAGENET1K_V3'"),
        ("vgg16@IMAGENET1K_FEATURES", r"no set of weights for vgg16 is named 'IMAGENET1K_FEATURES'"),
        ("alexnet@imagenet", r"there are no official weights for alexnet, .* expected a file"),
        ("resnet50-v1@imagenet", r"there are no official weights for resnet50-v1"),
        ("torchvision:resnet5O", r"no network of torchvision is named 'resnet5O'; did you mean 'resnet50'\?"),
        ("torchvision:xyz", r"known are alexnet, convnext_base, convnext_large; 118 more in its list_models\(\)$"),
        ("torchvision:resnet50@IMAGENET1K_V9", r"no set of weights for resnet50 is named"),
        ("timm:resnet50@imagenet", r"timm:resnet50"),
    ],
)
def test_what_there_is_not_is_said(hub: Path, text: str, message: str) -> None:
    with pytest.raises(ConvstudyError, match=message) as caught:
        open_architecture(text)
    assert "\n" not in str(caught.value)


def test_every_torchvision_network_of_the_zoo_is_there() -> None:
    """The name that an architecture gives for its official weights is torchvision's own."""
    named = [known for known in ARCHITECTURES.values() if known.torchvision]
    assert len(named) == 13
    assert {known.torchvision for known in named} <= set(torchvision.models.list_models())


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "googlenet", "vit_b_16", "swin_t", "convnext_tiny"])
@pytest.mark.parametrize("channels", [1, 3])
def test_torchvision_s_networks_open_for_any_number_of_classes_and_channels(name: str, channels: int) -> None:
    known = open_architecture(f"torchvision:{name}")
    with torch.device("meta"):
        network = known.build(num_classes=7, in_channels=channels).eval()
        assert network(torch.zeros(2, channels, *known.input_shape[1:])).shape == (2, 7)


def test_torchvision_s_counts_are_claims() -> None:
    for name in ("densenet121", "googlenet"):
        known = open_architecture(f"torchvision:{name}")
        with torch.device("meta"):
            network = known.build(num_classes=1000, in_channels=3)
        parameters = sum(parameter.numel() for parameter in network.parameters())
        assert all(claim.holds(parameters) for claim in known.claims if claim.quantity == "parameters")


class FakeConfiguration:
    input_size = (3, 160, 160)
    num_classes = 1000
    fixed_input_size = False


class FakeTimm:
    """What of timm is used; the installed one answers alike where it is there."""

    __version__ = "1.0"

    @staticmethod
    def is_model(name: str) -> bool:
        return name == "tiny"

    @staticmethod
    def list_models() -> list[str]:
        return ["tiny"]

    @staticmethod
    def get_pretrained_cfg(name: str) -> FakeConfiguration:
        return FakeConfiguration()

    @staticmethod
    def create_model(name: str, num_classes: int, in_chans: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(in_chans, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, num_classes)
        )


def test_timm_s_networks_open_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", FakeTimm)
    known = open_architecture("timm:tiny")
    assert known.input_shape == (3, 160, 160)
    assert known.build(num_classes=7, in_channels=1)(torch.zeros(1, 1, 160, 160)).shape == (1, 7)
    with pytest.raises(UnknownNameError, match="no network of timm is named 'tinny'; did you mean 'tiny'"):
        open_architecture("timm:tinny")


def test_timm_not_installed_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ModelError, match=r"^timm:resnet50 needs timm, which is not installed"):
        open_architecture("timm:resnet50")


PHOTOGRAPH = Image.fromarray(np.random.default_rng(0).integers(0, 256, (250, 300, 3), np.uint8))


def stand_in(name: str, hub: Path) -> torchvision.models.WeightsEnum:
    """Random weights in the file that torchvision would download; statistics are not those of a new network."""
    entry = torchvision.models.get_model_weights(name).DEFAULT
    torch.manual_seed(1)
    quiet = {"init_weights": False} if name in {"googlenet", "inception_v3"} else {}
    state = torchvision.models.get_model(name, weights=None, **quiet).state_dict()
    for value in state.values():
        if value.is_floating_point() and value.ndim == 1:
            value.add_(torch.rand(value.shape) / 5)
        elif value.is_floating_point() and value.ndim > 1:  # activations keep their size, so that the input matters
            value.copy_(torch.randn(value.shape) * (2 / value[0].numel()) ** 0.5)
    hub.mkdir(parents=True, exist_ok=True)
    torch.save(state, hub / entry.url.rpartition("/")[2])
    return entry


@pytest.mark.parametrize(
    "name", ["googlenet", "inception_v3", "mnasnet0_5", "densenet121", "shufflenet_v2_x0_5", "squeezenet1_1", "swin_t"]
)
def test_official_weights_give_torchvision_s_logits_of_a_photograph(name: str, hub: Path) -> None:
    """Over all networks and sets: benchmarks/official_weights.py."""
    entry = stand_in(name, hub)
    images = entry.transforms()(PHOTOGRAPH)[None]
    theirs = torchvision.models.get_model(name, weights=entry).eval()
    ours = open_architecture(f"torchvision:{name}@imagenet").build(num_classes=1000, in_channels=3).eval()
    with torch.inference_mode():
        wanted = theirs(images)
        assert float((ours(images) - wanted).abs().max()) <= 1e-4 * float(wanted.std())


def test_the_first_layer_of_official_inception_networks_sees_half_the_spread(hub: Path, tmp_path: Path) -> None:
    """With mean 0.5 and deviation 0.5 of pixels instead of ImageNet's, by which 1.0 becomes 0.229 / 0.5."""
    entry = stand_in("googlenet", hub)
    stored = hub / entry.url.rpartition("/")[2]
    (tmp_path / "mine.pth").write_bytes(stored.read_bytes())
    (tmp_path / stored.name).write_bytes(stored.read_bytes())
    images = torch.randn(1, 3, 64, 64)
    for weights, expected in (
        ("@imagenet", 0.46),
        (f"@{tmp_path / stored.name}", 0.46),
        (f"@{tmp_path / 'mine.pth'}", 1),
        ("", 1),
    ):
        network = open_architecture(f"torchvision:googlenet{weights}").build(num_classes=7, in_channels=3).eval()
        seen: list[Tensor] = []
        network.get_submodule("conv1").register_forward_pre_hook(lambda _, inputs, seen=seen: seen.append(inputs[0]))
        with torch.inference_mode():
            network(images)
        assert float(seen[0].std() / images.std()) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("name", torchvision.models.list_models(module=torchvision.models))
def test_files_are_named_and_checked_as_torchvision_does(name: str, hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download of ours has the name and the hash of torchvision's."""
    asked: list[tuple[object, ...]] = []

    def noted(url: str, path: str, begin_of_hash: str, *_: object, **__: object) -> None:
        asked.append((url, path, begin_of_hash))
        raise URLError("unreachable")

    monkeypatch.setattr(torch.hub, "download_url_to_file", noted)
    for entry in torchvision.models.get_model_weights(name):
        if entry.meta["categories"]:
            with pytest.raises(ModelError):
                official_file(name, entry.name)
            with pytest.raises(URLError):
                entry.get_state_dict(check_hash=True)
            ours, theirs = asked[-2:]
            assert ours == theirs


def test_the_layers_of_a_set_are_known_without_its_file(hub: Path) -> None:
    known = open_architecture("torchvision:vit_b_16@IMAGENET1K_SWAG_E2E_V1", trained=False)
    assert known.fixed_side == 384
    assert open_architecture("net@nowhere.pth", trained=False).fixed_side == 32
