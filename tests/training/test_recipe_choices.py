"""What a recipe can ask of optimiser, schedule, loss and weights: each against an independent answer."""

from __future__ import annotations

import math
import pickle
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from annotated_types import Ge, Gt, Le, Lt
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from convstudy.errors import RecipeError
from convstudy.inference import ResidentImages
from convstudy.study import Plan
from convstudy.training import Epoch, Recipe, TrainingBatches, read_recipe, recipe_text, train, write_recipe
from convstudy.training.average import average_of
from convstudy.training.balance import balanced_order, balanced_weights
from convstudy.training.initialization import initialize
from convstudy.training.objective import objective
from convstudy.training.optimizer import build_optimizer, set_learning_rate
from convstudy.training.schedule import learning_rate
from convstudy.training.seeds import stream_seed
from convstudy.training.setting import declared, synonyms
from convstudy.training.state import best_epoch, out_of_patience
from tests.training.made_up import close, images, network, plain_network, same, weights

RECIPE = Recipe(epochs=3, batch_size=8, lr=0.05, horizontal_flip=True)


def trained(recipe: Recipe, model: nn.Module | None = None, data: ResidentImages | None = None) -> nn.Module:
    model = model or network()
    train(model, TrainingBatches(data or images(40), recipe, seed=1), images(16))
    return model


def by_hand(model: nn.Module, batches: TrainingBatches, optimizer: torch.optim.Optimizer) -> nn.Module:
    """The plainest loop there is, with the batches and the learning rates of the recipe."""
    recipe, steps = batches.recipe, batches.steps_per_epoch
    for epoch in range(1, recipe.epochs + 1):
        torch.manual_seed(stream_seed(batches.seed, "dropout", epoch))
        for step, (inputs, labels) in enumerate(batches.epoch(epoch)):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate((epoch - 1) * steps + step, steps, recipe)
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels, label_smoothing=recipe.label_smoothing)
            loss.backward()  # type: ignore[no-untyped-call]
            if recipe.clip_grad:
                torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_grad)
            optimizer.step()
    return model


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
@pytest.mark.parametrize("clip_grad", [0.0, 0.1])
def test_training_is_the_plain_loop_bit_for_bit(kind: Any, clip_grad: float) -> None:
    recipe = replace(RECIPE, optimizer=kind, weight_decay=0, momentum=0.8, clip_grad=clip_grad, lr=0.01)
    batches = TrainingBatches(images(40), recipe, seed=1)
    model = network()
    optimizer: torch.optim.Optimizer
    if kind == "sgd":
        optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.8, nesterov=True, fused=True)
    else:
        optimizer = torch.optim.AdamW(model.parameters(), 0.1, betas=(0.8, 0.999), weight_decay=0, fused=True)
    assert same(weights(by_hand(model, batches, optimizer)), weights(trained(recipe)))


def test_clipping_changes_the_weights() -> None:
    assert not same(weights(trained(replace(RECIPE, clip_grad=0.1))), weights(trained(RECIPE)))


def test_one_cycle_is_torch_s() -> None:
    recipe, steps = Recipe(epochs=10, lr=0.3, warmup_epochs=3, schedule="one-cycle"), 7
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.3, total_steps=70, pct_start=0.3, cycle_momentum=False)
    for step in range(70):
        assert learning_rate(step, steps, recipe) == pytest.approx(cycle.get_last_lr()[0])
        if step < 69:
            optimizer.step()
            cycle.step()


@pytest.mark.parametrize(("step_epochs", "by_torch"), [(2, 2), (0, 3)])
def test_steps_are_torch_s_after_the_warm_up(step_epochs: int, by_torch: int) -> None:
    recipe = Recipe(epochs=9, lr=0.3, schedule="step", step_epochs=step_epochs, step_factor=0.2)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    levels = torch.optim.lr_scheduler.StepLR(optimizer, by_torch, 0.2)
    for epoch in range(9):
        for step in range(max(5, 10 * epoch), 10 * epoch + 10):
            assert learning_rate(step, 10, recipe) == pytest.approx(levels.get_last_lr()[0])
        optimizer.step()
        levels.step()


def test_linear_is_torch_s_after_the_warm_up() -> None:
    recipe = Recipe(epochs=4, lr=0.3, schedule="linear", warmup_epochs=1)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    line = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=15)
    assert [learning_rate(step, 5, recipe) for step in range(5)] == pytest.approx([0.06, 0.12, 0.18, 0.24, 0.3])
    for step in range(5, 20):
        assert learning_rate(step, 5, recipe) == pytest.approx(line.get_last_lr()[0])
        optimizer.step()
        line.step()


def test_constant_stays() -> None:
    recipe = Recipe(epochs=4, lr=0.3, schedule="constant", warmup_epochs=1)
    assert [learning_rate(step, 2, recipe) for step in range(8)] == pytest.approx([0.15] + [0.3] * 7)


@given(
    schedule=st.sampled_from(["cosine", "linear", "step", "constant", "one-cycle"]),
    epochs=st.integers(1, 9),
    steps=st.integers(1, 9),
    warmup=st.floats(0, 0.99),
)
@settings(max_examples=100, deadline=None)
def test_no_schedule_leaves_the_range(schedule: Any, epochs: int, steps: int, warmup: float) -> None:
    recipe = Recipe(epochs=epochs, lr=0.3, schedule=schedule, warmup_epochs=warmup * epochs)
    rates = [learning_rate(step, steps, recipe) for step in range(epochs * steps)]
    assert all(0 < rate <= 0.3 * (1 + 1e-9) for rate in rates)


@pytest.mark.parametrize("parts", [2, 3, 8, 100])
@pytest.mark.parametrize("balance", ["none", "loss"])
def test_a_batch_in_parts_gives_the_gradient_of_the_batch(parts: int, balance: Any) -> None:
    recipe = replace(RECIPE, balance=balance)
    whole = trained(recipe, plain_network())
    in_parts = trained(replace(recipe, accumulate=parts), plain_network())
    assert close(weights(whole), weights(in_parts))
    assert not close(weights(whole), weights(plain_network()))


def test_layer_decay_gives_the_first_parts_less() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(64, 2)
    )
    made = build_optimizer(model, Recipe(layer_decay=0.5))
    set_learning_rate(made, 0.8)
    rate_of = {parameter: group["lr"] for group in made.param_groups for parameter in group["params"]}
    got = {name: rate_of[parameter] for name, parameter in model.named_parameters()}
    assert got == {
        **dict.fromkeys(("0.weight", "0.bias", "1.weight", "1.bias"), 0.2),
        **dict.fromkeys(("3.weight", "3.bias"), 0.4),
        **dict.fromkeys(("5.weight", "5.bias"), 0.8),
    }


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_class_weights_are_scikit_learn_s(labels: list[int]) -> None:
    there = np.unique(labels)
    expected = compute_class_weight("balanced", classes=there, y=np.array(labels))
    got = balanced_weights(torch.tensor(labels))
    assert got[there].tolist() == pytest.approx(expected.tolist())
    assert got[torch.tensor(labels)].mean().item() == pytest.approx(1)


def test_a_balanced_loss_counts_each_class_the_same() -> None:
    labels = torch.tensor([0] * 9 + [1])
    logits = torch.randn(10, 2, generator=torch.Generator().manual_seed(0))
    loss, _ = objective(logits, labels, 0.0, balanced_weights(labels))
    of_class = [F.cross_entropy(logits[labels == label], labels[labels == label]).item() for label in (0, 1)]
    assert loss.item() == pytest.approx(sum(of_class) / 2)


def test_balanced_sampling_draws_each_class_as_often() -> None:
    labels = torch.tensor([0] * 900 + [1] * 90 + [2] * 10).repeat(6)
    order = balanced_order(labels, torch.Generator().manual_seed(0))
    drawn = torch.bincount(labels[order]) / len(labels)
    assert drawn.tolist() == pytest.approx([1 / 3] * 3, abs=4 * math.sqrt(2 / 9 / 6000))  # 4 standard deviations
    assert len(set(order[labels[order] == 0].tolist())) > 1500  # of about 2,000 drawn from 5,400: not the same few


def test_balanced_sampling_is_what_batches_give() -> None:
    few = images(64)
    few.labels[:60] = 0
    labels = torch.cat([labels for _, labels in TrainingBatches(few, replace(RECIPE, balance="sampling"), 0).epoch(1)])
    assert 16 < int((labels == 1).sum()) < 48  # 2 or 4 without


def test_an_average_is_the_sum_of_what_it_saw() -> None:
    model = nn.Linear(1, 1, bias=False)
    average = average_of(model, 0.9, warmup=True)
    seen = [1.0, 2.0, 4.0, 8.0]
    expected = seen[0]
    for updates, value in enumerate(seen):
        model.weight.data.fill_(value)
        average.update_parameters(model)
        decay = min(0.9, (1 + updates) / (10 + updates))
        expected = value if updates == 0 else decay * expected + (1 - decay) * value
        assert average.module.get_parameter("weight").item() == pytest.approx(expected)


def test_an_average_without_warm_up_is_torch_s() -> None:
    model = network()
    ours = average_of(model, 0.9, warmup=False)
    update = get_ema_multi_avg_fn(0.9)  # type: ignore[no-untyped-call]
    torch_s = AveragedModel(model, multi_avg_fn=update, use_buffers=True)
    with_warm_up = average_of(model, 0.9, warmup=True)
    stream = torch.Generator().manual_seed(0)
    for _ in range(5):
        for parameter in model.parameters():
            parameter.data += torch.randn(parameter.shape, generator=stream)
        for average in (ours, torch_s, with_warm_up):
            average.update_parameters(model)
    assert close(weights(ours.module), weights(torch_s.module))
    assert not close(weights(with_warm_up.module), weights(torch_s.module))


def test_the_warm_up_of_the_average_is_the_recipe_s() -> None:
    averaged = replace(RECIPE, ema_decay=0.99)
    assert Recipe().ema_warmup
    assert not close(weights(trained(averaged)), weights(trained(replace(averaged, ema_warmup=False))))
    assert same(weights(trained(RECIPE)), weights(trained(replace(RECIPE, ema_warmup=False))))  # there is no average


def test_the_average_is_validated_and_kept() -> None:
    recipe = replace(RECIPE, ema_decay=0.99)
    model = network()
    validation = images(16)
    history = train(model, TrainingBatches(images(40), recipe, seed=1), validation)
    assert not same(weights(model), weights(trained(RECIPE)))
    assert weights(model)["1.num_batches_tracked"] == 15
    model.eval()
    logits = model(next(validation.batches(16))[0])
    assert F.cross_entropy(logits, validation.labels).item() == pytest.approx(history[-1].validation_loss)


@pytest.mark.parametrize(("how", "variance"), [("xavier", 2 / (8 * 9 + 32 * 9)), ("kaiming", 2 / (32 * 9))])
def test_initialization_has_the_variance_of_the_paper(how: str, variance: float) -> None:
    layer, norm = nn.Conv2d(8, 32, 3), nn.BatchNorm2d(32)
    norm.weight.data.fill_(3)
    initialize(nn.Sequential(layer, norm), how, torch.Generator().manual_seed(0))
    assert layer.weight.var().item() == pytest.approx(variance, rel=0.1)
    assert layer.bias is not None
    assert not layer.bias.any()
    assert norm.weight.tolist() == [3] * 32


def test_initialization_as_is_changes_nothing() -> None:
    model = network()
    initialize(model, "as is", torch.Generator())
    assert same(weights(model), weights(network()))


def test_initialization_is_that_of_the_seed() -> None:
    recipe = replace(RECIPE, init="kaiming")
    assert same(weights(trained(recipe, network(0))), weights(trained(recipe, network(1))))
    assert not same(weights(trained(RECIPE, network(0))), weights(trained(RECIPE, network(1))))


def test_training_stops_early_with_the_best_weights() -> None:
    """The validation labels are wrong, so that its loss rises as training goes on."""
    wrong = replace(images(16), labels=1 - images(16).labels)
    model, kept = network(), network()
    recipe = replace(RECIPE, epochs=9, patience=2, schedule="constant", warmup_epochs=0)
    history = train(model, TrainingBatches(images(40), recipe, seed=1), wrong)
    best = best_epoch(history)
    assert len(history) == best + 2 < 9
    stopped_there = replace(recipe, epochs=best, patience=0)
    train(kept, TrainingBatches(images(40), stopped_there, seed=1), wrong)
    assert same(weights(model), weights(kept))


def test_patience_needs_a_validation_part() -> None:
    with pytest.raises(RecipeError, match="patience is 2"):
        train(network(), TrainingBatches(images(40), replace(RECIPE, patience=2), 0), None)


def test_training_goes_without_a_validation_part() -> None:
    model = network()
    history = train(model, TrainingBatches(images(40), RECIPE, seed=1), None)
    assert same(weights(model), weights(trained(RECIPE)))
    assert all(math.isnan(epoch.validation_loss) for epoch in history)


def test_patience_counts_from_the_best_epoch() -> None:
    history = [Epoch(n, 0.1, 1, 0.5, loss, 0.5, 1) for n, loss in enumerate([0.5, 0.4, 0.45, math.nan], start=1)]
    assert best_epoch(history) == 2
    assert out_of_patience(history, 2)
    assert not out_of_patience(history, 3)
    assert not out_of_patience(history, 0)
    assert not out_of_patience([], 2)


@pytest.mark.parametrize(
    "change",
    [
        {"ema_decay": 0.9},
        {"ema_decay": 0.9, "ema_warmup": False},
        {"patience": 2},
        {"optimizer": "adamw"},
        {"balance": "sampling"},
    ],
)
def test_every_choice_resumes_exactly(tmp_path: Path, change: dict[str, Any]) -> None:
    class StoppedError(Exception):
        pass

    def stop(epoch: Epoch) -> None:
        if epoch.epoch == 2:
            raise StoppedError

    batches = TrainingBatches(images(40), replace(RECIPE, **change), seed=1)
    whole, resumed = network(), network()
    expected = train(whole, batches, images(16))
    with pytest.raises(StoppedError):
        train(network(), batches, images(16), checkpoint=tmp_path / "checkpoint.pt", on_epoch=stop)
    history = train(resumed, batches, images(16), checkpoint=tmp_path / "checkpoint.pt")
    assert [replace(epoch, seconds=0) for epoch in history] == [replace(epoch, seconds=0) for epoch in expected]
    assert same(weights(resumed), weights(whole))


BAD: dict[str, tuple[Any, str, str]] = {  # a value, how the message shows it, and what it says is expected
    "preset": ("quik", "'quik'", "none, quick, standard or thorough; did you mean 'quick'?"),
    "epochs": (2.5, "2.5", "a whole number from 1 to 1,000,000"),
    "batch_size": (True, "True", "a whole number from 2 to 2,147,483,647"),
    "accumulate": (0, "0", "a whole number, 1 or more"),
    "optimizer": ("adamV", "'adamV'", "sgd or adamw; did you mean 'adamw'?"),
    "lr": ("fast", "'fast'", "a number above 0"),
    "momentum": (math.nan, "nan", "a number from 0 to below 1"),
    "weight_decay": (None, "None", "a number, 0 or more"),
    "clip_grad": (-1, "-1", "a number, 0 or more"),
    "layer_decay": (0, "0", "a number above 0, at most 1"),
    "schedule": ("cosin", "'cosin'", "cosine, linear, step, constant or one-cycle; did you mean 'cosine'?"),
    "warmup_epochs": (-1, "-1", "a number, 0 or more"),
    "step_epochs": (-1, "-1", "a whole number, 0 or more"),
    "step_factor": (0, "0", "a number above 0, at most 1"),
    "init": (3, "3", "as is, xavier or kaiming"),
    "label_smoothing": (1, "1", "a number from 0 to below 1"),
    "balance": ("los", "'los'", "none, loss or sampling; did you mean 'loss'?"),
    "ema_decay": (1, "1", "a number from 0 to below 1"),
    "ema_warmup": (0, "0", "true or false"),
    "bn_recompute": ("sometimes", "'sometimes'", "auto, always or never"),
    "patience": (1.0, "1", "a whole number, 0 or more"),
    "crop_padding": (0.6, "0.6", "a number from 0 to 0.5"),
    "horizontal_flip": (1, "1", "true or false"),
    "alternating_flip": (0, "0", "true or false"),
    "augment": ("auto", "'auto'", "none, randaugment or trivialaugment"),
    "erasing": (1.5, "1.5", "a number from 0 to 1"),
    "mixup": (-0.5, "-0.5", "a number, 0 or more"),
    "cutmix": (math.inf, "inf", "a number, 0 or more"),
    "channels_last": ("yes", "'yes'", "true or false"),
    "amp": ("bfloat16", "'bfloat16'", "true or false"),
    "compile": (1, "1", "true or false"),
}


@pytest.mark.parametrize("name", [setting.name for setting in fields(Recipe)])
def test_every_setting_refuses_what_it_cannot_be(name: str) -> None:
    value, got, expected = BAD[name]
    with pytest.raises(RecipeError) as caught:
        Recipe(**{name: value})
    assert str(caught.value) == f"{name} is {got}; expected {expected}"
    assert caught.value.setting == name


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe.from_dict({"epoch": 3, "lr": -1, "optimiser": "adam", "batch-size": 4, "batch_size": 4})
    first, *others = str(caught.value).split("; also: ")
    assert "'epoch'" in first
    assert [re.findall(r"\w+", other)[0] for other in others] == ["a", "optimizer", "lr"]
    assert "'batch_size' twice" in others[0]


@pytest.mark.parametrize("bound", [0, 1])
@pytest.mark.parametrize("name", [name for name, each in declared(Recipe).items() if each.is_number])
def test_a_declared_bound_is_where_values_end(name: str, bound: float) -> None:
    """The same answer as an independent reading of the declaration gives, at a bound and on both sides of it."""
    kind, bounds = declared(Recipe)[name].kind, declared(Recipe)[name].bounds
    step = 1 if kind is int else 1e-9
    for value in (kind(bound - step), kind(bound), kind(bound + step)):
        holds = all(
            (not isinstance(each, Gt) or value > each.gt)
            and (not isinstance(each, Ge) or value >= each.ge)
            and (not isinstance(each, Lt) or value < each.lt)
            and (not isinstance(each, Le) or value <= each.le)
            for each in bounds
        )
        assert taken({name: value} if name == "epochs" else {name: value, "epochs": 99}) is holds


def taken(settings: dict[str, Any]) -> bool:
    try:
        Recipe(**{"warmup_epochs": 0.0, **settings})
    except RecipeError:
        return False
    return True


def test_a_number_is_kept_in_its_declared_type() -> None:
    """So that a recipe from a file and one from flags are stored alike."""
    assert [type(getattr(Recipe(lr=1, warmup_epochs=1), name)) for name in ("lr", "warmup_epochs")] == [float, float]
    assert recipe_text(Recipe(warmup_epochs=1)) == recipe_text(Recipe(warmup_epochs=1.0))


def test_the_other_spelling_of_optimizer_is_accepted() -> None:
    assert Recipe.from_dict({"optimiser": "adamw"}) == Recipe.from_dict({"optimizer": "adamw"})
    assert "optimizer: adamw" in recipe_text(Recipe(optimizer="adamw"))
    with pytest.raises(RecipeError, match="'optimizer' twice"):
        Recipe.from_dict({"optimiser": "adamw", "optimizer": "adamw"})


def test_a_recipe_goes_to_yaml_and_back(tmp_path: Path) -> None:
    recipe = Recipe(epochs=30, optimizer="adamw", lr=1e-5, horizontal_flip=True, schedule="one-cycle")
    write_recipe(recipe, tmp_path / "recipe.yaml")
    assert read_recipe(tmp_path / "recipe.yaml") == recipe
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert recipe_text(Recipe()).startswith("preset: none\nepochs: 6\nbatch_size: 32\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("weight_deca: 0", "a recipe has no 'weight_deca'; did you mean 'weight_decay'?"),
        ("weigth-decay: 0", "a recipe has no 'weigth-decay'; did you mean 'weight_decay'?"),
        ("zzz: 0", "a recipe has no 'zzz'; known are preset, epochs"),
        ("learning_rate: 0.1", "a recipe has no 'learning_rate'; did you mean 'lr'?"),
        ("Learning-Rate: 0.1", "a recipe has no 'Learning-Rate'; did you mean 'lr'?"),
        ("batchsize: 8", "a recipe has no 'batchsize'; did you mean 'batch_size'?"),
        ("bs: 8", "a recipe has no 'bs'; did you mean 'batch_size'?"),
        ("wd: 0", "a recipe has no 'wd'; did you mean 'weight_decay'?"),
        ("num_epochs: 2", "a recipe has no 'num_epochs'; did you mean 'epochs'?"),
        ("optim: sgd", "a recipe has no 'optim'; did you mean 'optimizer'?"),
        ("opt: sgd", "a recipe has no 'opt'; did you mean 'optimizer'?"),
        ("lr_scheduler: cosine", "a recipe has no 'lr_scheduler'; did you mean 'schedule'?"),
        ("lr: 0", "lr is 0; expected a number above 0"),
        ("lr: [1]", r"lr is [1]; expected a number above 0"),
        ("batch-size: 4\nbatch_size: 4", "a recipe has 'batch_size' twice; leave one out"),
        ("lr: 0.1\nepochs: 2\nlr: 0.2", "'lr' is given twice, again in line 3; leave one out"),
        ("optimiser: sgd\noptimizer: adamw", "a recipe has 'optimizer' twice; leave one out"),
        ("lr: true", "lr is True; expected a number above 0"),
        ("[1, 2]", "contains a list; expected lines such as `epochs: 30`"),
        ("? [1, 2]\n: 3", "is not YAML"),
        ("lr: [", "is not YAML"),
    ],
)
def test_a_recipe_file_says_what_is_wrong_on_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError) as caught:
        read_recipe(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_synonym_is_of_one_setting_and_is_none() -> None:
    spellings = [other for each in declared(Recipe).values() for other in (*each.about.synonyms, *each.about.aliases)]
    assert len(spellings) == len(set(spellings))
    assert not set(synonyms(Recipe)) & set(declared(Recipe))
    assert set(synonyms(Recipe).values()) <= set(declared(Recipe))
    assert len(synonyms(Recipe)) > 40


def test_every_setting_has_a_sentence_of_help() -> None:
    for each in (*declared(Recipe).values(), *declared(Plan).values()):
        assert each.about.help.endswith("."), each.name


def test_an_absent_recipe_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"absent.yaml cannot be read \(No such file or directory\)"):
        read_recipe(tmp_path / "absent.yaml")


def test_an_empty_recipe_file_is_the_default(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("# as it is\n")
    assert read_recipe(tmp_path / "recipe.yaml") == Recipe()


def test_an_error_of_a_worker_process_still_names_its_setting() -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe(lr=-1)
    there = pickle.loads(pickle.dumps(caught.value))
    assert (str(there), there.setting) == (str(caught.value), "lr")
