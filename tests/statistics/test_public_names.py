"""What `convstudy.statistics` offers."""

import convstudy.statistics


def test_every_public_name_is_there() -> None:
    for name in convstudy.statistics.__all__:
        assert getattr(convstudy.statistics, name) is not None
