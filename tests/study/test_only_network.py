"""A file of the user's without the name of a network: the one class in it, or one line that names them all."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from convstudy.errors import ModelError
from convstudy.study import open_model
from convstudy.study.models.opening import runs_code
from tests.conftest import Said

NET = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d({channels}, 4, 3)
        self.fc = nn.Linear(4 * 26 * 26, 10)
    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))
"""
BLOCK = """
from torch import nn

class Block(nn.Conv2d):
    def __init__(self):
        super().__init__(3, 3, 3)

class Deep(nn.Sequential):
    def __init__(self):
        super().__init__(*[Block() for _ in range(2)])
"""
IMPORTED = "from torch.nn import Conv2d, Linear, Sequential\nbuilt = Sequential(Conv2d(3, 2, 1))\n"


@pytest.fixture(autouse=True)
def modules() -> Iterator[None]:
    before, path = dict(sys.modules), list(sys.path)
    yield
    for name in sys.modules.keys() - before.keys():
        del sys.modules[name]
    sys.path[:] = path


@pytest.mark.parametrize(
    ("text", "name"),
    [(NET.format(channels=1), "Net"), (BLOCK, "Deep"), (IMPORTED, "built")],
    ids=["one", "made", "built"],
)
def test_the_one_network_of_a_file_is_found(tmp_path: Path, text: str, name: str) -> None:
    file = tmp_path / "hw3.py"
    file.write_text(text)
    assert open_model(str(file)).name == f"{file}:{name}"
    assert runs_code(str(file))


def test_several_are_named_and_none_is_said(tmp_path: Path) -> None:
    file = tmp_path / "hw4.py"
    file.write_text(NET.format(channels=1) + NET.format(channels=3).replace("Net", "Other"))
    with pytest.raises(ModelError) as raised:
        open_model(str(file))
    assert {f"{file}:Net", f"{file}:Other"} <= {word.strip(",") for word in str(raised.value).split()}
    assert "\n" not in str(raised.value)
    file.write_text("import torch\nfrom torch.nn import Linear\n")
    with pytest.raises(ModelError, match=r"torch\.nn\.Module"):
        open_model(str(file))


def test_a_table_is_checked_against_a_network_of_ones_own_at_its_own_input(
    convstudy: Callable[..., Said], tmp_path: Path
) -> None:
    (tmp_path / "hw3.py").write_text(NET.format(channels=1))
    (tmp_path / "t.tsv").write_text("layer\tshape\tparams\nInput\t28x28x1\t0\nconv\t26x26x4\t40\nfc\t10\t27,050\n")
    said = convstudy("check", "t.tsv", "--model", "hw3.py")
    assert said.status == 0
    assert "1x28x28" in said.err


def test_a_wrong_number_of_channels_names_its_remedy(convstudy: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / "hw3.py").write_text(NET.format(channels=1))
    (tmp_path / "t.tsv").write_text("layer\tparams\nconv\t40\nfc\t27,050\n")
    for command in (("summary", "hw3.py"), ("check", "t.tsv", "--model", "hw3.py"), ("explain", "hw3.py", "conv")):
        refused = convstudy(*command)
        assert refused.status == 2
        assert "--input 1x28x28" in refused.err
        assert convstudy(*command, "--input", "1x28x28").status == 0
