"""`--help` in a terminal of 80 columns: every flag whole, every setting of the recipe with its default, no torch."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import typer
from tests.conftest import Said

from convstudy.cli.app import app
from convstudy.cli.setting_flags import FLAGGED
from convstudy.training import Recipe
from convstudy.training.setting import Declared, declared

Convstudy = Callable[..., Said]
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_flag_is_whole_at_80_columns(convstudy: Convstudy, name: str) -> None:
    page = convstudy(name, "--help").out
    flags = [flag for option in COMMANDS[name].params for flag in (*option.opts, *option.secondary_opts)]
    assert [flag for flag in flags if flag.startswith("-") and not re.search(rf"(?<!\S){flag}(?![\w-])", page)] == []
    assert max(map(len, page.splitlines())) <= 80
    assert "\\" not in page


def test_every_command_is_listed_once_with_what_it_does(convstudy: Convstudy) -> None:
    page = convstudy("--help").out
    assert sorted(re.findall(r"^│ ([a-z]+)", page, re.M)) == sorted(COMMANDS)
    told = " ".join(page.replace("│", " ").split())
    assert all((command.help or "").partition("\n\n")[0] in told for command in COMMANDS.values())
    assert max(map(len, page.splitlines())) <= 80
    assert "<bool>" not in page
    assert "inspect" in convstudy("data", "--help").out


def entries_of(page: str) -> list[str]:
    """The entries of a help page, each on one line."""
    return [" ".join(entry.split()) for entry in page.replace("\n│ -", "\0-").replace("│", " ").split("\0")]


@pytest.mark.parametrize("command", ["train", "compare"])
@pytest.mark.parametrize("setting", FLAGGED.values(), ids=lambda setting: setting.name)
def test_every_setting_has_its_flags_and_its_default(convstudy: Convstudy, command: str, setting: Declared) -> None:
    entries = entries_of(convstudy(command, "--help").out)
    found = [entry for entry in entries if re.match(rf"(-[\w-]+, )*{setting.flag}[ ,]", entry)]
    if setting.about.command not in {"", command}:
        assert found == []
        return
    told = re.search(r"\[default: (.*?)\]", found[0])
    default = setting.default
    if setting.about.default:
        assert told is not None
        assert told[1] == setting.about.default
    elif default in (None, ()):
        assert told is None
    elif setting.name in declared(Recipe):
        assert told is not None
        kind = {False: "no", True: "yes"}
        assert told[1] == kind[default] if isinstance(default, bool) else type(default)(told[1]) == default


@pytest.mark.parametrize("words", [[], ["train"], ["compare"], ["summary"]], ids=" ".join)
def test_help_needs_no_torch(words: list[str]) -> None:
    code = (
        f"import sys; from convstudy.cli.app import app; app({[*words, '--help']!r}, standalone_mode=False); "
        "assert not {'torch', 'pandas', 'scipy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "Usage: " in done.stdout


def test_the_page_of_all_commands_names_them(convstudy: Convstudy) -> None:
    page = convstudy("--help").out
    assert [name for name in COMMANDS if name not in page] == []


def test_the_page_of_all_commands_does_not_wait_for_pydantic() -> None:
    code = (
        "import sys; from convstudy.cli.app import app; app(['--help'], standalone_mode=False); "
        "print('pydantic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.endswith("False\n")
