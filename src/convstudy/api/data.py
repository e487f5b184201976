"""Loading and inspection of data from Python."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.data import DataSet, inspect_loaded, inspected
from convstudy.data.in_memory import load_given
from convstudy.wording import plural

if TYPE_CHECKING:
    from convstudy.data import Finding


@dataclass(frozen=True)
class LoadedData:
    """Images of named classes in a training set, a test set and possibly a validation set."""

    data_set: DataSet
    source: str | None  # the name or path that it was loaded from

    @property
    def name(self) -> str:
        """Name of the data, as folders and reports use it."""
        return self.data_set.name

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes, in the order of the labels."""
        return self.data_set.class_names

    def inspect(self) -> tuple[Finding, ...]:
        """Look for problems of the data: leaks, duplicates, conflicting labels, rare classes.

        If the data come from a folder, a table or a file, every image is opened, as `convstudy data inspect` does.

        >>> [finding.kind for finding in load_data("digits").inspect()]
        []
        """
        if self.source is not None and Path(self.source).exists():
            return tuple(inspected(self.source).findings)
        return tuple(inspect_loaded(self.data_set))

    def __repr__(self) -> str:
        return f"<LoadedData {self}>"

    def __str__(self) -> str:
        """Return name, classes and number of images of each set, in one line."""
        data = self.data_set
        parts = [f"{len(data.train):,} training", f"{len(data.test):,} test images"]
        if data.validation is not None:
            parts.insert(1, f"{len(data.validation):,} validation")
        shape = " x ".join(map(str, (data.in_channels, data.side, data.side)))
        return f"{data.name}: {plural(data.num_classes, 'class')}, {shape}; {', '.join(parts)}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(str(self))}</p>"


def load_data(data: Any, **options: Any) -> LoadedData:
    """Load data for `compare`, `train` and `Run.evaluate`, or to inspect them.

    `data` is a name or a path, images and labels, a mapping from sets (train, validation, test) to these, a torch
    `Dataset`, or a data set of the library `datasets`. Options are `data_dir`, `test_data`, `skip_bad_images`,
    `train_images`, `group_by`, `side`, and for arrays `name` and `class_names`.

    Raises: DataError or UnknownNameError, if the data cannot be read or used.

    >>> print(load_data("digits"))
    digits: 10 classes, 1 x 8 x 8; 1,348 training, 449 test images
    """
    given = data.data_set if isinstance(data, LoadedData) else data
    loaded = load_given(given, **options)
    if options.get("group_by"):  # of which a study that is repeated by the name of the data would not know
        return LoadedData(replace(loaded, named=False), None)
    return LoadedData(loaded, str(data) if isinstance(data, str | Path) else None)
