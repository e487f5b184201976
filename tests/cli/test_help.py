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
from convstudy.cli.recipe_flags import RECIPE, Flag
from convstudy.training import Recipe

Convstudy = Callable[..., Said]
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
NO_CONSTANT = {
    "horizontal_flip": "as the data allow",
    "channels_last": "of `train` without --threads, what is measured to be faster; else no",
}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_flag_is_whole_at_80_columns(convstudy: Convstudy, name: str) -> None:
    page = convstudy(name, "--help").out
    flags = [flag for option in COMMANDS[name].params for flag in (*option.opts, *option.secondary_opts)]
    assert [flag for flag in flags if flag.startswith("-") and not re.search(rf"(?<!\S){flag}(?![\w-])", page)] == []
    assert max(map(len, page.splitlines())) <= 80
    assert "\\" not in page


def test_every_command_is_listed_once_with_what_it_does(convstudy: Convstudy) -> None:
    page = convstudy("--help").out
    assert re.findall(r"^│ ([a-z]+)", page, re.M) == list(COMMANDS)
    told = " ".join(page.replace("│", " ").split())
    assert all((command.help or "").partition("\n\n")[0] in told for command in COMMANDS.values())
    assert max(map(len, page.splitlines())) <= 80
    assert "<bool>" not in page
    assert "inspect" in convstudy("data", "--help").out


@pytest.mark.parametrize("command", ["train", "compare"])
@pytest.mark.parametrize("flag", RECIPE, ids=lambda flag: flag.setting)
def test_every_setting_of_the_recipe_tells_its_default(convstudy: Convstudy, command: str, flag: Flag) -> None:
    page = convstudy(command, "--help").out.replace("\n│ -", "\0-").replace("│", " ")
    entries = [" ".join(entry.split()) for entry in page.split("\0")]
    spelled = rf"(-b, )?{flag.spellings[0].partition('/')[0]}[ ,]"
    [told] = [re.search(r"\[default: (.*?)\]", entry) for entry in entries if re.match(spelled, entry)]
    assert told
    default = getattr(Recipe(), flag.setting)
    if flag.setting in NO_CONSTANT:
        assert told[1] == NO_CONSTANT[flag.setting]
    elif isinstance(default, bool):
        assert told[1] == {True: "yes", False: "no"}[default]
    else:
        assert type(default)(told[1]) == default


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
