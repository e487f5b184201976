"""What is held equal for all networks of a comparison, in words."""

from __future__ import annotations

from collections.abc import Sequence


def selection_words(lrs: Sequence[float], validation: str) -> str:
    """How the learning rate is chosen, and what that costs."""
    listed = ", ".join(f"{lr:g}" for lr in lrs[:-1])
    return (
        f"The learning rate is selected, for each network and each seed, from the same grid of {listed} and "
        f"{lrs[-1]:g}: one training with each, and the highest top-1 on the validation part after it (of equals the "
        f"lower loss). The validation part, {validation}, serves that choice and the learning curves. The weights of "
        "the chosen training are tested; each run opens the test part once, after the last epoch of its last training. "
        f"Training seconds are those of all {len(lrs)} trainings."
    )
