"""Settings in YAML: read without losing one that is written twice, and written so that they are read the same."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from convstudy.errors import ConvstudyError
from convstudy.wording import shortened

# YAML 1.2: 1e-3 is a number, too. PyYAML follows YAML 1.1, for which it is text, because it has no point.
NUMBER_WITHOUT_POINT = re.compile(r"^[-+]?[0-9]+[eE][-+]?[0-9]+$")


def read_mapping(path: Path, what: str, example: str, error: type[ConvstudyError]) -> dict[Any, Any] | None:
    """Return the `key: value` lines of a YAML file, or None for a file without any.

    Raises: `error`, with the file's name, if it cannot be read, is not YAML, has a key twice or holds something else.
    """
    import yaml  # noqa: PLC0415 - imported only if there is a file

    try:
        if path.exists() and not path.is_file():
            raise error(f"{path} is not a regular file; expected {what} in YAML")
        if path.stat().st_size > LARGEST:
            raise error(f"{path} has {path.stat().st_size:,} bytes; expected {what} of at most {LARGEST:,}")
        written = yaml.load(path.read_text(encoding="utf-8"), Loader=_loader())
    except RecursionError:
        raise error(f"{path} is nested too deeply; expected lines such as `{example}`") from None
    except OSError as caught:
        raise error(f"{path} cannot be read ({caught.strerror}); expected {what} in YAML") from caught
    except yaml.constructor.ConstructorError as caught:
        if caught.context != REFUSED:
            raise error(f"{path} is not YAML ({shortened(str(caught), QUOTED)})") from caught
        raise error(f"{path}: {caught.problem}") from None
    except (yaml.YAMLError, ValueError) as caught:  # such as of a date without a day, or 10,000 digits
        raise error(f"{path} is not YAML ({shortened(str(caught), QUOTED)})") from caught
    if written is not None and not isinstance(written, dict):
        raise error(f"{path} contains a {type(written).__name__}; expected lines such as `{example}`")
    return written


def yaml_text(settings: dict[str, Any]) -> str:
    """Return settings as YAML, in their order."""
    import yaml  # noqa: PLC0415

    return str(yaml.dump(settings, Dumper=_dumper(), sort_keys=False, allow_unicode=True))


QUOTED = 200  # letters of a parser's message, which holds a line of the file
LARGEST = 100_000  # bytes; a study with every setting has 2,000
MOST_ALIASES = 20  # with more, a few lines can stand for more values than fit in memory
REFUSED = "refused"  # context of the errors that are raised here, whose problem is a whole message


@cache
def _loader() -> Any:
    import yaml  # noqa: PLC0415

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """A safe loader that refuses a mapping with a key twice, and a text of aliases."""

        aliases = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                self.aliases += 1
                if self.aliases > MOST_ALIASES:
                    raise yaml.constructor.ConstructorError(
                        REFUSED, None, f"more than {MOST_ALIASES} aliases (`*name`); write the values out"
                    )
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            seen = set()
            for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise yaml.constructor.ConstructorError(
                        REFUSED, None, f"'{shortened(key.value)}' is given twice, again in line {line}; leave one out"
                    )
                seen.add(key.value)
            mapping: dict[Any, Any] = super().construct_mapping(node, deep)
            return mapping

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", NUMBER_WITHOUT_POINT, list("-+0123456789"))
    return Loader


@cache
def _dumper() -> Any:
    import yaml  # noqa: PLC0415

    class Dumper(yaml.SafeDumper):  # type: ignore[misc]
        """A safe dumper that puts text in quotes if the loader would read a number."""

    Dumper.add_implicit_resolver("tag:yaml.org,2002:float", NUMBER_WITHOUT_POINT, list("-+0123456789"))
    return Dumper
