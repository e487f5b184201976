"""The kinds of data sources, for the list that `convstudy data` prints."""

from __future__ import annotations

from dataclasses import dataclass

from convstudy.data.torchvision_sets import TORCHVISION_SETS


@dataclass(frozen=True)
class DataSource:
    """One kind of data source, for lists."""

    name: str
    title: str
    needs: str


def data_sources() -> tuple[DataSource, ...]:
    """Return all kinds of data sources.

    >>> [source.name for source in data_sources()][:3]
    ['digits', 'cifar10', 'cifar100']
    """
    return (
        DataSource("digits", "scikit-learn's 1,797 handwritten digits, 8x8 gray", "nothing: included in scikit-learn"),
        *(
            DataSource(name, kind.title, f"--data-dir with {kind.layout}; downloaded if absent")
            for name, kind in TORCHVISION_SETS.items()
        ),
        DataSource(
            "hf:NAME",
            "an image data set of the Hugging Face Hub, or a folder that `datasets` has saved",
            "the extra hf; downloaded if absent",
        ),
        DataSource(
            "FOLDER", "class folders of images, with or without train, val and test inside", "FOLDER/<class>/<image>"
        ),
        DataSource("FILE.csv", "a table of image files with their labels", "filename,label, with split and group"),
        DataSource(
            "FILE.npz", "NumPy arrays of images and labels", "x_train, y_train, x_test, y_test; or images, labels"
        ),
        DataSource(
            "FILE.h5",
            "HDF5 arrays, also those of the SIGNS course",
            "as .npz, or train_set_x ...; --test-data for a second file",
        ),
    )
