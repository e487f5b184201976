"""Every named mistake is in docs/checking.md."""

from __future__ import annotations

import re
from pathlib import Path

import convstudy.claims.checking

DOCUMENT = Path(__file__).parents[3] / "docs" / "checking.md"
NAMED = r'(?:Fault|ShapeFault|Slip|NamedMistake)\(\s*"([\w-]+)"'
SOURCES = Path(convstudy.claims.checking.__file__).parent.glob("*.py")


def test_every_named_mistake_is_documented() -> None:
    named = {name for path in SOURCES for name in re.findall(NAMED, path.read_text(encoding="utf-8"))}
    assert len(named) > 50
    assert [name for name in sorted(named) if f"`{name}`" not in DOCUMENT.read_text(encoding="utf-8")] == []
