"""Weights as training programs write them: wrapped, nested, split or old; pickled code is refused, not run."""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tarfile
import warnings
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from convstudy.errors import ModelError
from convstudy.zoo import build, load_weights, open_architecture
from convstudy.zoo.weight_files import names_file, read_weights, stated
from convstudy.zoo.weight_keys import match_keys

State = dict[str, Tensor]


def network(seed: int = 1, classes: int = 10) -> nn.Module:
    torch.manual_seed(seed)
    return build("net", num_classes=classes, in_channels=3)


def state(seed: int = 0) -> State:
    return dict(network(seed).state_dict())


def same(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def under(*prefixes: str) -> Callable[[State], State]:
    return lambda state: {"".join(prefixes) + key: value for key, value in state.items()}


LIGHTNING = {"epoch": 3, "pytorch-lightning_version": "2.5", "optimizer_states": [{"state": {}}], "loops": {"n": 1}}
FORMS: dict[str, Callable[[State], Any]] = {
    "model.module": under("model.", "module."),
    "module.model": under("module.", "model."),
    "_orig_mod.module._orig_mod": under("_orig_mod.", "module.", "_orig_mod."),
    "model.backbone.net.module": under("model.", "backbone.", "net.", "module."),
    "net.net": under("net.", "net."),
    "a name of one's own": under("classifier_under_test."),
    "compiled layers": lambda state: {key.replace(".", "._orig_mod.", 1): value for key, value in state.items()},
    "body and head": lambda state: {
        f"{'model.' if 'fc3' in key else 'model.backbone.'}{key}": state[key] for key in state
    },
    "state_dict of model": lambda state: {"state_dict": {"model": under("module.")(state)}},
    "model": lambda state: {"model": state, "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}}, "epoch": 1},
    "model_state_dict": lambda state: {"model_state_dict": state, "best_acc1": torch.tensor(76.1)},
    "state_dict_ema": lambda state: {"arch": "net", "state_dict_ema": under("module.")(state)},
    "weights before their average": lambda state: {
        "state_dict_ema": {key: value + 1 for key, value in state.items()},
        "state_dict": state,
    },
    "an unusual key": lambda state: {"student": state, "hyper": {"lr": 0.1}},
    "lightning": lambda state: (
        LIGHTNING
        | {"state_dict": under("model.")(state) | {"criterion.weight": torch.ones(10), "val_f1.confmat": torch.ones(2)}}
    ),
    "beside its average": lambda state: {
        **under("model.")(state),
        **under("ema_model.", "module.")({key: value + 1 for key, value in state.items()}),
    },
    "numbers beside tensors": lambda state: state | {"epoch": 3},
    "half precision": lambda state: {key: value.bfloat16() for key, value in state.items()},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_wrapped_and_nested_weights_are_found(tmp_path: Path, form: Callable[[State], Any]) -> None:
    torch.save(form(state()), tmp_path / "model_best.pth.tar")
    found = network()
    load_weights(found, tmp_path / "model_best.pth.tar")
    expected = (
        {key: value.bfloat16().float() for key, value in state().items()}
        if form is FORMS["half precision"]
        else state()
    )
    assert same(dict(found.state_dict()), expected)


@pytest.mark.parametrize("name", ["net.pth", "net.pt", "net.pth.tar", "last.ckpt", "pytorch_model.bin", "NET.PTH"])
def test_every_usual_name_is_read_and_opens_a_network(tmp_path: Path, name: str) -> None:
    torch.save({"state_dict": state()}, tmp_path / name)
    known = open_architecture(f"net@{tmp_path / name}")
    assert same(dict(known.build(num_classes=10, in_channels=3).state_dict()), state())


def test_names_of_files_and_of_sets_are_told_apart() -> None:
    assert [names_file(text) for text in ("IMAGENET1K_V1", "a.ckpt", "runs/mine")] == [False, True, True]


def shards(folder: Path, suffix: str) -> Path:
    """`net` in two files and their index, as Hugging Face writes them."""
    whole, index = state(), dict[str, str]()
    for number, keys in enumerate((list(whole)[:3], list(whole)[3:]), start=1):
        name = f"model-0000{number}-of-00002.{suffix}"
        part = {key: whole[key] for key in keys}
        save_file(part, folder / name) if suffix == "safetensors" else torch.save(part, folder / name)
        index |= dict.fromkeys(keys, name)
    path = folder / f"model.{suffix}.index.json"
    path.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": index}))
    return path


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_weights_in_several_files_are_read_by_their_index(tmp_path: Path, suffix: str) -> None:
    path = shards(tmp_path, suffix)
    assert same(read_weights(path), state())
    with pytest.raises(ModelError, match=rf"model\.{suffix}\.index\.json"):
        read_weights(tmp_path / f"model-00001-of-00002.{suffix}")
    (tmp_path / f"model-00002-of-00002.{suffix}").unlink()
    with pytest.raises(ModelError, match=rf"model-00002-of-00002\.{suffix}"):
        read_weights(path)


def test_a_changed_part_is_another_code(tmp_path: Path) -> None:
    from convstudy.study.models.opening import open_model  # noqa: PLC0415

    name = f"net@{shards(tmp_path, 'safetensors')}"
    before = open_model(name).code
    save_file({"conv1.weight": torch.ones(1)}, tmp_path / "model-00001-of-00002.safetensors")
    assert before != open_model(name).code != ""


@pytest.mark.parametrize(
    "weight_map",
    [{"a": "../net.pth"}, {"a": "/etc/passwd"}, {"a": "..\\net.pth"}, {"a": "model.safetensors.index.json"}, {}, [1]],
)
def test_an_index_names_files_beside_it_only(tmp_path: Path, weight_map: object) -> None:
    (tmp_path / "folder").mkdir()
    torch.save(state(), tmp_path / "net.pth")
    path = tmp_path / "folder/model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(ModelError) as caught:
        read_weights(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_counters_that_old_files_lack_begin_at_zero(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = build("resnet20", num_classes=10, in_channels=3).state_dict()
    old = {key: value + 1 for key, value in theirs.items() if not key.endswith("num_batches_tracked")}
    assert len(old) < len(theirs)
    torch.save(old, tmp_path / "net.pth")
    found = build("resnet20", num_classes=10, in_channels=3)
    load_weights(found, tmp_path / "net.pth")
    for key, value in found.state_dict().items():
        assert torch.equal(value, old[key]) if key in old else value.item() == 0


OLD_DENSENET = ("norm1", "norm.1"), ("conv1", "conv.1"), ("norm2", "norm.2"), ("conv2", "conv.2")


@pytest.mark.parametrize(
    ("name", "renamed"),
    [
        ("densenet121", [(f"layer{n}.{new}.", f"layer{n}.{old}.") for n in range(1, 25) for new, old in OLD_DENSENET]),
        ("vit_b_16", [("mlp.0.", "mlp.linear_1."), ("mlp.3.", "mlp.linear_2.")]),
    ],
)
def test_old_keys_of_torchvision_s_networks_are_renamed(name: str, renamed: list[tuple[str, str]]) -> None:
    with torch.device("meta"):
        keys = list(torchvision.models.get_model(name, weights=None).state_dict())
    old = {}
    for key in keys:
        before = key
        for new, former in renamed:
            before = before.replace(new, former)
        old[key] = f"module.{before}"
    assert len([key for key in keys if old[key] != f"module.{key}"]) > 40
    matched = match_keys(keys, list(old.values()), "old.pth.tar", optional=())
    assert (matched.theirs, matched.missing, matched.superfluous, matched.outside) == (old, (), (), ())


def test_a_file_with_the_network_twice_is_refused_with_both_names(tmp_path: Path) -> None:
    torch.save(under("encoder_q.")(state()) | under("encoder_k.")(state()), tmp_path / "moco.pth")
    with pytest.raises(ModelError, match=r"encoder_k\., encoder_q\."):
        load_weights(network(), tmp_path / "moco.pth")
    torch.save({"student": state(), "teacher": state()}, tmp_path / "dino.pth")
    with pytest.raises(ModelError, match="student, teacher"):
        load_weights(network(), tmp_path / "dino.pth")


def test_a_file_without_a_classifier_gets_a_new_one(tmp_path: Path) -> None:
    torch.save({"model": {key: value for key, value in state().items() if "fc3" not in key}}, tmp_path / "body.pth")
    torch.manual_seed(5)
    found = open_architecture(f"net@{tmp_path / 'body.pth'}").build(num_classes=4, in_channels=3).state_dict()
    new = network(5, classes=4).state_dict()
    assert all(torch.equal(found[key], (new if "fc3" in key else state())[key]) for key in found)


def test_a_layer_with_as_many_channels_as_there_are_classes_is_no_classifier(tmp_path: Path) -> None:
    """`net` has 16 channels in its second layer: a file with 8 there does not fit 16 classes."""
    wrong = state() | {"conv2.weight": torch.zeros(8, 6, 5, 5), "conv2.bias": torch.zeros(8)}
    torch.save(wrong, tmp_path / "net.pth")
    with pytest.raises(ModelError, match=r"conv2\.weight is 8x6x5x5; expected 16x6x5x5"):
        open_architecture(f"net@{tmp_path / 'net.pth'}").build(num_classes=16, in_channels=3)


@pytest.mark.parametrize(
    "odd",
    [
        torch.zeros(6, 3, 5, 5, dtype=torch.int64),
        torch.zeros(6, 3, 5, 5).to_sparse(),
        torch.zeros(6, 3, 5, 5, device="meta"),
    ],
    ids=["integers", "sparse", "without data"],
)
def test_tensors_that_are_no_weights_are_refused(tmp_path: Path, odd: Tensor) -> None:
    found = network()
    before = {key: value.clone() for key, value in found.state_dict().items()}
    torch.save(state() | {"conv1.weight": odd}, tmp_path / "net.pth")
    with pytest.raises(ModelError, match=r"net\.pth"):
        load_weights(found, tmp_path / "net.pth")
    assert same(dict(found.state_dict()), before)


def test_a_dictionary_that_contains_itself_ends(tmp_path: Path) -> None:
    for key in ("state_dict", "other"):
        endless: dict[str, Any] = {}
        endless[key] = endless
        torch.save(endless, tmp_path / "net.pth")
        with pytest.raises(ModelError, match=r"net\.pth contains no named tensors"):
            read_weights(tmp_path / "net.pth")


def whole_object() -> Any:
    return network(0)


def with_arguments() -> Any:
    return {"state_dict": OrderedDict(under("module.")(state())), "args": argparse.Namespace(lr=0.1), "epoch": 9}


@pytest.mark.parametrize(
    ("content", "named"), [(with_arguments, "argparse.Namespace"), (whole_object, "torch.nn.modules.")]
)
def test_what_only_pickle_reads_is_refused_with_the_command_that_converts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Callable[[], Any], named: str
) -> None:
    path = tmp_path / "with space.ckpt"
    torch.save(content(), path)
    with pytest.raises(ModelError) as caught:
        load_weights(network(), path)
    message = str(caught.value)
    assert named in message
    assert "\n" not in message
    command = message[message.index("python -c") :]
    words = shlex.split(command)
    assert words[3:] == [str(path), str(tmp_path / "with space-weights.pth")]
    monkeypatch.setattr(sys, "argv", ["-c", *words[3:]])
    exec(words[2], {})
    found = network()
    load_weights(found, Path(words[-1]))
    assert same(dict(found.state_dict()), state())


def test_torchscript_is_refused_with_the_same_command(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, but its files are there
        torch.jit.save(torch.jit.script(nn.Sequential(nn.Linear(2, 2))), tmp_path / "net.pt")
    with pytest.raises(ModelError, match=r"python -c .*net\.pt .*net-weights\.pth"):
        read_weights(tmp_path / "net.pt")


def test_a_folder_is_refused_with_the_files_in_it(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "net.pth")
    with pytest.raises(ModelError, match=r"is a folder; expected .*net\.pth"):
        open_architecture(f"net@{tmp_path}").build(num_classes=10, in_channels=3)


@pytest.mark.parametrize("name", ["net", "torchvision:resnet18", "resnet18"])
def test_a_name_with_nothing_behind_its_at_sign_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match=rf"^{name}@ .*{name}@imagenet"):
        open_architecture(f"{name}@")


def test_what_a_foreign_file_states_is_nothing(tmp_path: Path) -> None:
    save_file({"a": torch.ones(1)}, tmp_path / "a.safetensors", {"classes": "{", "format": "pt"})
    save_file({"a": torch.ones(1)}, tmp_path / "b.safetensors", {"classes": "[1, 2]"})
    (tmp_path / "c.pth").write_bytes(b"torn")
    (tmp_path / "run.json").write_text("[]")
    for name in ("a.safetensors", "b.safetensors", "c.pth", "none.pth"):
        assert stated(tmp_path / name).classes == ()


def averaged(state: State) -> dict[str, Any]:
    """As torch's AveragedModel of a compiled network stores it."""
    return {"n_averaged": torch.tensor(3)} | under("module.", "_orig_mod.")(state)


@pytest.mark.parametrize(
    "form",
    [
        averaged,
        lambda state: {key: value.float() if "num_b" in key else value for key, value in state.items()},
        lambda state: {key: value[None] if "num_b" in key else value for key, value in state.items()},
    ],
    ids=["AveragedModel", "counters as floats", "counters as arrays"],
)
def test_what_torch_takes_is_taken(tmp_path: Path, form: Callable[[State], Any]) -> None:
    torch.manual_seed(0)
    given = build("resnet20", num_classes=10, in_channels=3)
    torch.save(form(dict(given.state_dict())), tmp_path / "w.th")
    found = build("resnet20", num_classes=10, in_channels=3)
    load_weights(found, tmp_path / "w.th")
    assert same(dict(found.state_dict()), dict(given.state_dict()))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "w.pth", "w.safetensors"])
def test_the_content_decides_the_format(tmp_path: Path, name: str) -> None:
    torch.save(state(), tmp_path / name) if name == "w.safetensors" else save_file(state(), tmp_path / name)
    assert same(read_weights(tmp_path / name), state())


def tar(path: Path) -> None:
    torch.save(state(), path.with_name("inner.pth"))
    with tarfile.open(path, "w") as archive:
        archive.add(path.with_name("inner.pth"), "inner.pth")


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.write_text("\n<!DOCTYPE html><html>"), "HTML"),
        (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "git lfs pull"),
        (tar, "extract"),
    ],
    ids=["empty", "HTML", "LFS", "tar"],
)
@pytest.mark.parametrize("name", ["w.pth.tar", "w.safetensors"])
def test_files_of_another_kind_are_named(tmp_path: Path, name: str, write: Callable[[Path], Any], said: str) -> None:
    write(tmp_path / name)
    with pytest.raises(ModelError, match=said) as raised:
        read_weights(tmp_path / name)
    assert "python -c" not in str(raised.value)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    torch.save({key: value * float("nan") for key, value in state().items()}, tmp_path / "w.pth")
    with pytest.raises(ModelError, match=r"conv1\.weight.* not finite"):
        load_weights(network(), tmp_path / "w.pth")


def test_sparse_weights_are_named(tmp_path: Path) -> None:
    torch.save(
        {key: value.to_sparse() if key == "fc3.weight" else value for key, value in state().items()}, tmp_path / "w.pth"
    )
    with pytest.raises(ModelError, match=r"fc3\.weight is float32, sparse_coo; expected float32, strided"):
        load_weights(network(), tmp_path / "w.pth")


def test_the_conversion_keeps_arrays_of_numpy(tmp_path: Path) -> None:
    torch.save({key: value.numpy() for key, value in state().items()}, tmp_path / "w.pth")
    with pytest.raises(ModelError) as raised:
        read_weights(tmp_path / "w.pth")
    command = shlex.split(str(raised.value).partition("use w-weights.pth: ")[2])
    subprocess.run([sys.executable, *command[1:]], check=True, cwd=tmp_path)
    assert same(read_weights(tmp_path / "w-weights.pth"), state())
