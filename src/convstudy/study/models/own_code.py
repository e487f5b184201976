"""The user's own code: a Python file or module with a network, imported so that its classes can be pickled."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import torch

from convstudy.errors import ModelError, place_in_user_code
from convstudy.wording import message_of, reason_of

FOLDERS: set[Path] = set()  # of the user's files that were imported
RELATIVE_IMPORT = re.compile(rb"^\s*from\s+\.", re.MULTILINE)
SEED = 0  # while user code is imported, so that a network that it builds has the same weights in each process


def own_module(where: str) -> ModuleType:
    """Import a Python file, or a module by its dotted name. Torch's random state is left as it was.

    A file is imported once, and again if it has changed. It is in `sys.modules` under its own name, unless another
    module already has that name.

    Raises: ModelError, in one line, for any error in the code, and if it ends the program.
    """
    if where.endswith(".py"):
        return _from_file(Path(where))
    if "" not in sys.path:
        sys.path.insert(0, "")
    with _importing(where):
        return importlib.import_module(where)


@contextmanager
def not_ended(where: str) -> Iterator[None]:
    """Turn the end of the program by user code into an error.

    Raises: ModelError, if the code calls `sys.exit`, or raises another exception that is no `Exception`.

    >>> with not_ended("net.py:Net"):
    ...     sys.exit(3)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    convstudy.errors.ModelError: net.py:Net ends the program with sys.exit(3); ...
    """
    try:
        yield
    except SystemExit as error:
        raise ModelError(
            f"{where} ends the program with sys.exit({'' if error.code is None else error.code}); move code that is "
            f'not part of the network under `if __name__ == "__main__":`{place_in_user_code(error)}'
        ) from error
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:
        if not (place := place_in_user_code(error)):
            raise
        raise ModelError(f"{where} raises {reason_of(error)}{place}") from error


@contextmanager
def prints_on_standard_error() -> Iterator[None]:
    """Send what user code prints to standard error: by `print`, from a program that it starts, or from C."""
    with _descriptor_moved(), redirect_stdout(sys.stderr):
        yield


@contextmanager
def _descriptor_moved() -> Iterator[None]:
    """Let the descriptor of standard output be that of standard error."""
    try:
        sys.stdout.flush()
        kept = os.dup(1)
    except (OSError, AttributeError):  # it is closed
        yield
        return
    try:
        with suppress(OSError):
            os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


@contextmanager
def _importing(where: str) -> Iterator[None]:
    try:
        with torch.random.fork_rng(devices=[]), not_ended(where):
            torch.default_generator.manual_seed(SEED)
            yield
    except ModelError:
        raise
    except Exception as error:
        hint = "; name it as a module, as in package.module:Name" if "relative import" in message_of(error) else ""
        reason = f"{reason_of(error)}{place_in_user_code(error)}"
        raise ModelError(f"{where} cannot be imported: {reason}{hint}") from error


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        what = "is not a regular file" if path.exists() else "does not exist"
        raise ModelError(f"{path} {what}; expected a Python file, as in path/to/file.py:Name")
    path, shown = path.resolve(), str(path)
    content = path.read_bytes()
    root = _package_root(path.parent) if RELATIVE_IMPORT.search(content) else path.parent
    folder = str(root)
    sys.path[:] = [folder, *(other for other in sys.path if other != folder)]  # so that it can import what is beside it
    importlib.invalidate_caches()
    name = _free_name(path) if root == path.parent else _dotted_name(path, root)
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__convstudy_content__", None) == content:
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ModelError(f"{shown} cannot be imported as a Python file")
    with _own_neighbors(root):
        if "." in name:
            with _importing(shown):
                importlib.import_module(name.rpartition(".")[0])
        module = _executed(spec, content, shown)
    FOLDERS.add(root)
    return module


@contextmanager
def _own_neighbors(folder: Path) -> Iterator[None]:
    """Set aside modules beside other files of the user's that have the name of one in this folder.

    Without that, the second of two files in two folders would import the neighbors of the first.
    """
    others = FOLDERS - {folder}
    aside = {
        name: module
        for name, module in list(sys.modules.items())
        if _is_in(folder, name.partition(".")[0])
        and any(_is_in(other, name.partition(".")[0], module) for other in others)
    }
    for name in aside:
        del sys.modules[name]
    try:
        yield
    finally:
        sys.modules.update(aside)


def _is_in(folder: Path, name: str, module: ModuleType | None = None) -> bool:
    """Return whether a folder has a top-level module of this name and, if given, `module` is it or a part of it."""
    file, package = folder / f"{name}.py", folder / name / "__init__.py"
    if module is None:
        return file.is_file() or package.is_file()
    origin = _file_of(module)
    return origin is not None and (origin == file or origin.is_relative_to(package.parent))


def _executed(spec: ModuleSpec, content: bytes, shown: str) -> ModuleType:
    """Execute a module that is in `sys.modules` meanwhile, as dataclasses and pickle need it; remove it if it fails."""
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(spec.name)
    sys.modules[spec.name] = module
    try:
        with _importing(shown):
            spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(spec.name, None)
        if before is not None:
            sys.modules[spec.name] = before
        raise
    module.__dict__["__convstudy_content__"] = content
    return module


def _package_root(folder: Path) -> Path:
    """Return the folder of the outermost package that a folder belongs to; the folder itself if it is no package."""
    root = folder
    while (root / "__init__.py").is_file() and root.name.isidentifier() and root.parent != root:
        root = root.parent
    return root


def _dotted_name(path: Path, root: Path) -> str:
    """Return the name of a file in a package, so that its relative imports are those of the package."""
    return ".".join(path.relative_to(root).with_suffix("").parts)


def _free_name(path: Path) -> str:
    """Return the file's own name, or one with a digest of its path if another module has it or could have it."""
    name = re.sub(r"\W", "_", path.stem)
    if name == path.stem and _is_free(name, path):
        return name
    return f"{name}_{hashlib.sha256(os.fsencode(path)).hexdigest()[:12]}"


def _is_free(name: str, path: Path) -> bool:
    if name in sys.modules:
        return _file_of(sys.modules[name]) == path
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return found is None or (found.origin is not None and Path(found.origin).resolve() == path)


def _file_of(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if file else None
