"""Starting convstudy, and a table of one network, import no library that they do not need."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.abc import MetaPathFinder
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from convstudy.__main__ import main

FOR_FILES_AND_REPORTS = {"h5py", "jinja2", "openpyxl", "pandas", "pyarrow", "scipy", "sklearn", "statsmodels"}
HEAVY = FOR_FILES_AND_REPORTS | {"sympy", "torchvision", "torch._dynamo"}
COMMAND = "from convstudy.cli.app import app; app({words!r}, standalone_mode=False)"


def imported(code: str, among: set[str]) -> list[str]:
    """Run `code` in a new interpreter; return which of the modules it has imported."""
    code = f"import sys\n{code}\nprint(*sorted({among!r} & set(sys.modules)), sep='\\n', end='', file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stderr.splitlines()


def test_a_count_imports_no_heavy_library() -> None:
    counts = [COMMAND.format(words=words.split()) for words in ("summary net", "explain net conv1", "trends lecture")]
    assert imported("\n".join(["import convstudy; convstudy.summary('net')", *counts]), HEAVY) == []


def test_no_network_of_the_zoo_needs_the_compiler_of_torch_to_be_counted() -> None:
    every = (
        "import convstudy\nfrom convstudy.zoo import ARCHITECTURES\nfor name in ARCHITECTURES: convstudy.summary(name)"
    )
    assert imported(every, HEAVY) == []


NO_COLLECTION = """
import gc
seen = []
def collected(phase, _):
    torch = sys.modules.get("torch")
    seen.append(torch is not None and torch.__spec__._initializing)
gc.callbacks.append(collected)
{code}
assert gc.isenabled() and gc.get_freeze_count() > 100_000, gc.get_freeze_count()
assert seen and not any(seen), f"{{sum(seen)}} collections while torch was imported"
"""


def test_a_table_imports_only_what_it_needs_and_torch_without_looking_for_garbage() -> None:
    code = NO_COLLECTION.format(code=COMMAND.format(words=["summary", "net"]))
    assert imported(code, HEAVY) == []


@pytest.mark.parametrize("words", ["--help", "models", "data", "reproduce"])
def test_what_needs_no_network_imports_no_torch(words: str) -> None:
    code = "import convstudy\n" + COMMAND.format(words=[words])
    assert imported(code, HEAVY | {"numpy", "torch", "PIL"}) == []


def test_training_imports_no_library_of_the_report() -> None:
    of_the_report = {"pandas.core", "scipy.stats", "sklearn.metrics", "statsmodels"}
    assert imported("import convstudy.cli.train, convstudy.study.comparisons.single_run", of_the_report) == []


@pytest.mark.parametrize("words", [["compare", "net", "lenet5"], ["train", "net", "--data", "digits"]])
def test_what_is_waited_for_is_on_the_screen_before_torch_is_imported(words: list[str]) -> None:
    code = f"""
import convstudy.cli.{words[0]} as command
from convstudy.cli.reading import reading_networks_and_data
def carried_out(*_, **__):
    with reading_networks_and_data():
        pass
command.carry_out = command.carry_out_training = carried_out
{COMMAND.format(words=words)}"""
    assert imported(code, HEAVY | {"torch"}) == []


def test_what_is_waited_for_is_shown_on_terminals_only() -> None:
    code = "from convstudy.cli.reading import reading_networks_and_data\nwith reading_networks_and_data(): pass"
    shown = {}
    for compatible in ("0", "1"):
        environment = os.environ | {"TTY_COMPATIBLE": compatible}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
        shown[compatible] = done.stdout
    assert shown["0"] == ""
    assert "reading networks and data" in shown["1"]


FIRST_STEP = """
from torch.optim.optimizer import register_optimizer_step_post_hook
steps = []
def stop(*_):
    steps.append(1)
    raise KeyboardInterrupt
register_optimizer_step_post_hook(stop)
try:
    {code}
except BaseException:
    if not steps:
        raise
assert len(steps) == 1
"""


def test_a_first_step_needs_neither_the_compiler_of_torch_nor_a_library_of_the_report(tmp_path: Path) -> None:
    words = ["train", "net", "--data", "digits", "--threads", "1", "--output", str(tmp_path / "run")]
    heavy = HEAVY - {"pandas"} | {"pandas.core"}  # pandas is there as a name, whose use imports it
    assert imported(FIRST_STEP.format(code=COMMAND.format(words=words)), heavy) == []


def test_what_is_imported_is_seen() -> None:
    assert imported("import openpyxl, json, torch", {"openpyxl", "torch", "h5py"}) == ["openpyxl", "torch"]


class _CtrlC(MetaPathFinder):
    """Interrupts an import, as Ctrl-C in the first half second does."""

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        if name == "convstudy.cli.app":
            raise KeyboardInterrupt


def test_ctrl_c_during_the_imports_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "meta_path", [_CtrlC(), *sys.meta_path])
    monkeypatch.delitem(sys.modules, "convstudy.cli.app", raising=False)
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, capsys.readouterr().err) == (130, "interrupted; repeat the command\n")
    (entry,) = entry_points(group="console_scripts", name="convstudy")
    assert entry.value == f"{main.__module__}:{main.__name__}"


IN_A_TEXT = """
import os, signal, sys
from convstudy.__main__ import main
class CtrlC:
    def find_spec(self, name, path, target=None):
        if name == "convstudy.cli.app":
            exec("os.kill(os.getpid(), signal.SIGINT)")
sys.meta_path.insert(0, CtrlC())
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""


def test_ctrl_c_while_python_executes_a_text_ends_with_the_same_status() -> None:
    assert subprocess.run([sys.executable, "-c", IN_A_TEXT], check=False, capture_output=True).returncode == 130
