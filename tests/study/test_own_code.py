"""Networks in the user's own files: what such a file may contain, and what it must not do to the rest."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from convstudy.errors import ModelError
from convstudy.study import open_model
from convstudy.study.models.own_code import FOLDERS, prints_on_standard_error

DATACLASS = """
from __future__ import annotations
from dataclasses import dataclass
from torch import nn

@dataclass
class Sizes:
    width: int = 4

class Net(nn.Sequential):
    def __init__(self, num_classes=10, sizes: Sizes = Sizes()):
        super().__init__(nn.Conv2d(3, sizes.width, 3), nn.Flatten(), nn.Linear(sizes.width * 36, num_classes))
"""


@pytest.fixture(autouse=True)
def modules() -> Iterator[None]:
    """Leave `sys.modules`, `sys.path` and the known folders as they were."""
    before, path, folders = dict(sys.modules), list(sys.path), set(FOLDERS)
    yield
    for name in sys.modules.keys() - before.keys():
        del sys.modules[name]
    sys.path[:] = path
    FOLDERS.clear()
    FOLDERS.update(folders)


def written(folder: Path, name: str, text: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return str(folder / name)


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_a_file_may_have_dataclasses_with_postponed_annotations(tmp_path: Path) -> None:
    network = open_model(f"{written(tmp_path, 'dated.py', DATACLASS)}:Net").build(7, 3)
    assert parameters(network) == 28 * 4 + (144 + 1) * 7


def test_objects_of_its_classes_can_be_pickled(tmp_path: Path) -> None:
    network = open_model(f"{written(tmp_path, 'pickled.py', DATACLASS)}:Net").build(7, 3)
    assert type(network).__module__ == "pickled"
    again = pickle.loads(pickle.dumps(network))
    assert type(again) is type(network)
    assert parameters(again) == parameters(network)


def test_a_network_has_its_own_default_sizes(tmp_path: Path) -> None:
    text = "from torch.nn import Conv2d\ndef net(num_classes=7, in_channels=1):\n    return Conv2d(in_channels, 2, 3)\n"
    model = open_model(f"{written(tmp_path, 'sized.py', text)}:net")
    assert (model.num_classes, model.input_shape) == (7, (1, 224, 224))
    other = open_model(f"{written(tmp_path, 'sized.py', text.replace('=7', '').replace('=1', ''))}:net")
    assert (other.num_classes, other.input_shape) == (1000, (3, 224, 224))


def test_a_file_with_the_name_of_a_known_module_replaces_nothing(tmp_path: Path) -> None:
    json = sys.modules["json"]
    network = open_model(f"{written(tmp_path, 'json.py', DATACLASS)}:Net").build(7, 3)
    assert sys.modules["json"] is json
    assert type(pickle.loads(pickle.dumps(network))) is type(network)


def test_a_built_network_is_copied_and_has_the_same_weights_in_each_process(tmp_path: Path) -> None:
    text = "from torch import nn\nnet = nn.Linear(3, 2)\n"
    torch.manual_seed(5)
    state = torch.get_rng_state()
    model = open_model(f"{written(tmp_path, 'built.py', text)}:net")
    assert torch.equal(torch.get_rng_state(), state)
    first, second = model.build(2, 3), model.build(2, 3)
    assert first is not second
    assert parameters(first) == 8
    del sys.modules["built"]  # as in another process
    torch.manual_seed(6)
    again = open_model(f"{tmp_path / 'built.py'}:net").build(2, 3)
    assert torch.equal(first.get_parameter("weight"), again.get_parameter("weight"))


def test_a_file_is_imported_again_only_after_a_change(tmp_path: Path) -> None:
    text = "from torch import nn\ndef net():\n    return nn.Linear(3, {})\n"
    name = written(tmp_path, "changing.py", text.format(2)) + ":net"
    open_model(name)
    module = sys.modules["changing"]
    open_model(name)
    assert sys.modules["changing"] is module
    written(tmp_path, "changing.py", text.format(200))
    assert parameters(open_model(name).build(1, 1)) == 800


def test_each_of_two_files_of_one_name_imports_its_own_neighbors(tmp_path: Path) -> None:
    network = "from torch import nn\nfrom layers import WIDTH\ndef net():\n    return nn.Linear(3, WIDTH)\n"
    for folder, width in (("alice", 2), ("bob", 5)):
        written(tmp_path / folder, "layers.py", f"WIDTH = {width}\n")
        written(tmp_path / folder, "model.py", network)
    built = [open_model(f"{tmp_path / folder / 'model.py'}:net").build(1, 1) for folder in ("alice", "bob")]
    assert [parameters(each) for each in built] == [8, 20]
    again = open_model(f"{tmp_path / 'alice' / 'model.py'}:net").build(1, 1)
    assert parameters(again) == 8


def test_a_file_in_a_package_may_have_relative_imports(tmp_path: Path) -> None:
    for folder in ("nets_of_tests", "nets_of_tests/inner"):
        written(tmp_path / folder, "__init__.py", "")
    written(tmp_path / "nets_of_tests", "widths.py", "WIDTH = 6\n")
    text = "from torch import nn\nfrom ..widths import WIDTH\ndef net():\n    return nn.Linear(3, WIDTH)\n"
    file = written(tmp_path / "nets_of_tests" / "inner", "model.py", text)
    assert parameters(open_model(f"{file}:net").build(1, 1)) == 24
    assert sys.modules["nets_of_tests.inner.model"].__package__ == "nets_of_tests.inner"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import sys\nsys.exit(3)\n", r"exit\(3\)"),
        ("import argparse\nargparse.ArgumentParser().parse_args(['--what'])\n", r"exit\(2\)"),
        ("raise SystemExit\n", r"exit\(\)"),
        ("def net():\n    raise SystemExit('no GPU')\n", r"ends\.py:net.* sys\.exit\(no GPU\)"),
        ("1/0\n", "ZeroDivisionError"),
        ("from . import net\n", r"package\.module:Name"),
    ],
)
def test_a_file_that_ends_the_program_gets_one_line(tmp_path: Path, text: str, said: str) -> None:
    name = f"{written(tmp_path, 'ends.py', text)}:net"
    with pytest.raises(ModelError, match=said) as raised:
        open_model(name).build(10, 3)
    assert "\n" not in str(raised.value)


def test_a_network_without_a_constructor_of_its_own_gets_no_sizes(tmp_path: Path) -> None:
    text = "from torch import nn\nclass Net(nn.Module):\n    def forward(self, x):\n        return 2 * x\n"
    assert parameters(open_model(f"{written(tmp_path, 'bare.py', text)}:Net").build(10, 3)) == 0


def test_a_file_without_a_name_gets_one_line() -> None:
    with pytest.raises(ModelError, match=r"bare\.py"):
        open_model("bare.py")


def test_a_file_that_fails_is_no_module(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        open_model(f"{written(tmp_path, 'failing.py', '1/0')}:net")
    assert "failing" not in sys.modules


def test_an_unknown_name_lists_what_the_file_has(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"'Nett'.*\bNet\b"):
        open_model(f"{written(tmp_path, 'known.py', DATACLASS)}:Nett")


def test_what_user_code_prints_is_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    sys.stdout.write("before\n")
    with prints_on_standard_error():
        sys.stdout.write("by print\n")
        os.system("echo by a program")
    sys.stdout.write("after\n")
    said = capfd.readouterr()
    assert said.out.split() == ["before", "after"]
    assert sorted(said.err.splitlines()) == ["by a program", "by print"]
