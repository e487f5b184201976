"""What `convstudy.evaluation` offers."""

import convstudy.evaluation


def test_every_public_name_is_there() -> None:
    for name in convstudy.evaluation.__all__:
        assert getattr(convstudy.evaluation, name) is not None
