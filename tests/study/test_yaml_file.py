"""Studies as YAML files: what is written is read back, what cannot be is refused, and the command line obeys."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from convstudy.cli import compare as comparing
from convstudy.errors import StudyError
from convstudy.study import Budget, Plan, open_model, read_study, write_study
from convstudy.study.plans.budget import BudgetKind
from convstudy.study.plans.yaml_file import KEYS
from convstudy.training import Recipe
from convstudy.training.presets import PRESETS, with_preset
from convstudy.training.setting import declared
from tests.conftest import ROOT, Said

Convstudy = Callable[..., Said]

names = st.sampled_from(
    ["net", "lenet5", "my nets/a b.py:Net", "torchvision:resnet18", "ünï.py:Net", "yes", "0x1f", "1e3"]
)
paths = st.sampled_from(["data", "a b/ü", "C:/x", "null"]).map(Path)
recipes = st.builds(
    Recipe,
    preset=st.sampled_from(["none", *PRESETS]),
    epochs=st.integers(2, 10**6),
    batch_size=st.integers(2, 4096),
    lr=st.floats(1e-9, 1e3),
    weight_decay=st.floats(0, 1),
    warmup_epochs=st.floats(0, 1.5),
    schedule=st.sampled_from(["cosine", "linear", "step", "constant", "one-cycle"]),
    optimizer=st.sampled_from(["sgd", "adamw"]),
    init=st.sampled_from(["as is", "kaiming"]),
    augment=st.sampled_from(["none", "randaugment"]),
    mixup=st.sampled_from([0.0, 0.2]),
    channels_last=st.booleans(),
    amp=st.booleans(),
)
budgets = st.builds(Budget, st.just(BudgetKind.IMAGES), st.integers(1, 10**9).map(float)) | st.builds(
    Budget, st.sampled_from([BudgetKind.MACS, BudgetKind.SECONDS]), st.floats(1e-3, 1e18)
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    flip = draw(st.none() | st.booleans())
    freeze = draw(st.booleans())
    budget = draw(st.none() | budgets) if not freeze else None
    recipe = draw(recipes)
    given = {"preset": recipe.preset, "optimizer": recipe.optimizer, "batch_size": recipe.batch_size}
    otherwise = {"epochs": 6, "lr": 0.03} | with_preset(given)
    grid = tuple(draw(st.just([]) | st.lists(st.floats(1e-9, 1e3), min_size=2, max_size=4, unique=True)))
    return Plan(
        models=tuple(draw(st.lists(names, min_size=1, max_size=4, unique=True))),
        data=draw(st.sampled_from(["digits", "to/images", "1e3", "a: b", "# x"])),
        seeds=draw(st.integers(1, 100)),
        first_seed=draw(st.integers(0, 1000)),
        budget=budget,
        lr_grid=grid,
        recipe=replace(
            recipe,
            horizontal_flip=bool(flip),
            epochs=otherwise["epochs"] if budget else recipe.epochs,
            lr=otherwise["lr"] if grid else recipe.lr,
        ),
        horizontal_flip=flip,
        freeze=freeze,
        unfreeze_at=draw(st.integers(0, recipe.epochs - 1)) if freeze else 0,
        data_dir=draw(st.none() | paths),
        test_data=draw(st.none() | paths),
        input_size=draw(st.none() | st.integers(1, 999)),
        skip_bad_images=draw(st.booleans()),
        train_images=draw(st.none() | st.integers(1, 10**6)),
        threads=draw(st.integers(1, 64)),
        jobs=draw(st.none() | st.integers(1, 64)),
        device=draw(st.sampled_from(["auto", "cpu", "cuda:1"])),
    )


@given(plan=plans())
def test_what_is_written_is_the_same_study_again(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    path.unlink(missing_ok=True)
    write_study(plan, path)
    assert read_study(path) == plan


@pytest.fixture
def asked(convstudy: Convstudy, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plan]:
    """The plan that `convstudy compare` makes of these words."""
    made: list[Plan] = []
    monkeypatch.setattr(comparing, "carry_out", lambda plan, output, **_: made.append(plan))

    def ask(*words: str) -> Plan:
        said = convstudy("compare", *words)
        assert said.status == 0, said.err
        return made[-1]

    return ask


def test_the_command_asks_for_the_same_study_again(asked: Callable[..., Plan]) -> None:
    @given(plan=plans())
    @settings(max_examples=30, deadline=None)
    def the_same(plan: Plan) -> None:
        words = shlex.split(plan.command())
        assert words[:2] == ["convstudy", "compare"]
        assert asked(*words[2:]) == replace(plan, jobs=None, device="auto")

    the_same()


def test_without_a_word_it_is_the_default_study(asked: Callable[..., Plan]) -> None:
    recipe = Recipe(preset="quick")
    default = Plan(("net", "resnet34"), until="sure", max_seeds=3, margin=3.0, recipe=recipe)
    assert asked() == default
    longer = Recipe(preset="quick", epochs=9)
    assert asked("--epochs", "9", "--margin", "1") == replace(default, margin=1.0, recipe=longer)
    fixed = replace(default, until="seeds", seeds=3, max_seeds=20, margin=1.0)
    assert asked("--seeds", "3") == fixed
    assert asked("--seeds", "3", "--opt", "sgd") == replace(fixed, recipe=Recipe(preset="quick", optimizer="sgd"))
    assert asked("lenet5") == Plan(("lenet5",))


def test_flags_override_the_file(asked: Callable[..., Plan], tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        "models: [net, lenet5]\nseeds: 5\nskip-bad-images: true\n"
        "recipe: {batch-size: 8, lr: 1e-2, horizontal_flip: yes}\n"
    )
    of_file = Plan(
        ("net", "lenet5"),
        seeds=5,
        skip_bad_images=True,
        recipe=Recipe(batch_size=8, lr=0.01, horizontal_flip=True),
        horizontal_flip=True,
    )
    assert asked("-c", "s.yaml") == of_file
    overridden = asked("-c", "s.yaml", "resnet20", "--seeds", "2", "--batch-size", "16", "--no-flip", "--mixup", "0.2")
    assert overridden == replace(
        of_file,
        models=("resnet20",),
        seeds=2,
        recipe=Recipe(batch_size=16, lr=0.01, mixup=0.2),
        horizontal_flip=False,
    )
    assert not asked("-c", "s.yaml", "--no-skip-bad-images").skip_bad_images


def test_what_is_frozen_is_of_the_file_or_of_the_flags(asked: Callable[..., Plan], tmp_path: Path) -> None:
    (tmp_path / "frozen.yaml").write_text("models: [net]\nfreeze: backbone\nunfreeze-at: 2\n")
    frozen = Plan(("net",), freeze=True, unfreeze_at=2)
    assert asked("-c", "frozen.yaml") == asked("net", "--freeze", "backbone", "--unfreeze-at", "2") == frozen
    assert asked("-c", "frozen.yaml", "--unfreeze-at", "0") == replace(frozen, unfreeze_at=0)
    assert asked("-c", "frozen.yaml", "--unfreeze-at", "0", "--freeze", "none") == Plan(("net",))


def test_a_budget_and_epochs_override_each_other(asked: Callable[..., Plan], tmp_path: Path) -> None:
    (tmp_path / "budget.yaml").write_text("models: [net]\nbudget: macs=2e13\nrecipe: {warmup_epochs: 9}\n")
    (tmp_path / "epochs.yaml").write_text("models: [net]\nrecipe: {epochs: 30}\n")
    assert asked("-c", "budget.yaml").budget == Budget.parse("macs=2e13")
    assert asked("-c", "budget.yaml").recipe.warmup_epochs == 9
    overridden = asked("-c", "budget.yaml", "--epochs", "20")
    assert (overridden.budget, overridden.recipe.epochs) == (None, 20)
    assert asked("-c", "epochs.yaml", "--budget", "seconds=60") == Plan(("net",), budget=Budget.parse("seconds=60"))
    assert asked("-c", "budget.yaml", "--budget", "epochs=12").recipe.epochs == 12
    assert asked("-c", "budget.yaml", "--budget", "epochs=12").budget is None


def test_a_grid_and_one_learning_rate_override_each_other(asked: Callable[..., Plan], tmp_path: Path) -> None:
    (tmp_path / "grid.yaml").write_text("models: [net]\nlr_grid: [0.1, 1e-2]\n")
    (tmp_path / "one.yaml").write_text("models: [net]\nrecipe: {lr: 0.2}\n")
    assert asked("-c", "grid.yaml") == Plan(("net",), lr_grid=(0.01, 0.1))
    assert asked("-c", "grid.yaml", "--lr", "0.2") == asked("-c", "one.yaml")
    assert asked("-c", "one.yaml", "--lr-grid", "0.1,0.01") == asked("-c", "grid.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: [net]", "s.yaml: a study has no 'model'; did you mean 'models'?"),
        ("models: [net]\nepochs: 3", "s.yaml: a study has no 'epochs'; write `epochs` under `recipe`"),
        ("models: [net]\nlearning-rate: 0.1", "s.yaml: a study has no 'learning-rate'; write `lr` under `recipe`"),
        ("models: [net]\noptimiser: sgd", "s.yaml: a study has no 'optimiser'; write `optimizer` under `recipe`"),
        ("models: [net]\nlog: [wandb]", "s.yaml: a study has no 'log'; known are models, data, "),
        ("models: [net]\nfind_lr: true", "s.yaml: a study has no 'find_lr'; "),
        ("models: [net]\ndataset: digits", "s.yaml: a study has no 'dataset'; did you mean 'data'?"),
        ("models: [net]\nresize: 8", "s.yaml: a study has no 'resize'; did you mean 'input_size'?"),
        ("models: [net]\nrecipe: {optim: sgd}", "s.yaml: a recipe has no 'optim'; did you mean 'optimizer'?"),
        ("models: [net]\nrecipe: {epoch: 3}", "s.yaml: a recipe has no 'epoch'; did you mean 'epochs'?"),
        ("models: [net]\ndata-dir: a\ndata_dir: b", "s.yaml: a study has 'data_dir' twice"),
        ("models: [net]\nseeds: 3\nseeds: 5", "s.yaml: 'seeds' is given twice, again in line 3"),
        ("models: [net]\nrecipe:\n  lr: 1\n  lr: 2", "s.yaml: 'lr' is given twice, again in line 4"),
        ("models: [net]\nrecipe: {optimiser: sgd, optimizer: sgd}", "s.yaml: a recipe has 'optimizer' twice"),
        ("models: net", "s.yaml: models is 'net'; expected a list of names, as in [net, lenet5]"),
        ("models: [net]\nseeds: many", "s.yaml: seeds is 'many'; expected a whole number from "),
        ("models: [net]\nseeds: true", "s.yaml: seeds is True; expected a whole number"),
        ("models: [net]\nseeds: 0", "s.yaml: seeds is 0; expected a whole number from "),
        ("models: [net]\nthreads: 0", "s.yaml: threads is 0; expected a whole number from "),
        ("models: [net]\njobs: 0", "s.yaml: jobs is 0; expected a whole number from "),
        ("models: [net]\nfirst_seed: -1", "s.yaml: first_seed is -1; expected a whole number from "),
        ("models: [net]\nseeds: 0\nfoo: 3\nrecipe: 3", "s.yaml: a study has no 'foo'; known are models"),
        ("models: [net, net]", "s.yaml: net is given twice"),
        ("models: []", "s.yaml: no network to compare"),
        ("seeds: 2", "no network to compare"),
        ("models: [net]\nrecipe: 3", "s.yaml: recipe is 3; expected settings, such as `epochs: 30`"),
        ("models: [net]\nrecipe: {lr: -1}", "s.yaml: lr is -1; expected a number above 0"),
        ("models: [net]\nrecipe: {l-r: 1}", "s.yaml: a recipe has no 'l-r'; did you mean 'lr'?"),
        ("models: [net]\nrecipe: {batch-size: 8, batch_size: 9}", "s.yaml: a recipe has 'batch_size' twice"),
        ("models: [net]\nfreeze: [head]", "s.yaml: freeze is ['head']; expected none or backbone"),
        ("models: [net]\nfreeze: head", "s.yaml: freeze is 'head'; expected none or backbone"),
        ("models: [net]\nunfreeze_at: 2", "s.yaml: unfreeze_at is 2; expected a whole number from 1 to below 6"),
        ("models: [net]\ndata: 3", "s.yaml: data is 3; expected text"),
        ("models: [net]\ndata: ''", "s.yaml: data is ''; expected text"),
        ("models: [net]\ndata_dir: 3", "s.yaml: data_dir is 3; expected a path"),
        ("models: [net]\nskip_bad_images: 1", "s.yaml: skip_bad_images is 1; expected true or false"),
        ("models: [net]\nbudget: many", "s.yaml: budget is 'many'; expected images=N, macs=N or seconds=N"),
        ("models: [net]\nbudget: 3", "s.yaml: budget is 3; expected images=N, macs=N or seconds=N"),
        ("models: [net]\nbudget: flops=3", "s.yaml: budget is 'flops=3'; expected images=N, macs=N or seconds=N"),
        ("models: [net]\nbudget: images=1.5", "s.yaml: budget is 'images=1.5'; expected a whole number of images"),
        ("models: [net]\nbudget: images=nan", "s.yaml: budget is 'images=nan'; expected images=N"),
        ("models: [net]\nlr_grid: 0.1", "s.yaml: lr_grid is 0.1; expected a list of two or more numbers above 0"),
        ("models: [net]\nlr_grid: [0.1, x]", "s.yaml: lr_grid is [0.1, 'x']; expected a list of two or more numbers"),
        ("models: [net]\nlr_grid: [0.1]", "s.yaml: lr_grid is '0.1'; expected two or more numbers above 0"),
        ("models: [net]\nlr_grid: [0.1, 0.10]", "s.yaml: lr_grid is '0.1,0.1'; expected two or more numbers"),
        ("models: [net]\nlr_grid: [0.1, 0]", "s.yaml: lr_grid is '0.0,0.1'; expected two or more numbers above 0"),
        ("models: [net]\nlr_grid: [0.1, 1e-3]\nrecipe: {lr: 0.2}", "s.yaml: `lr_grid` and `lr` are both given"),
        ("models: [net]\nbudget: images=9\nrecipe: {epochs: 3}", "s.yaml: `budget` and `epochs` are both given"),
        ("models: [net", "s.yaml is not YAML (while parsing a flow sequence"),
        ("- net", "s.yaml contains a list; expected lines such as `models: [net, lenet5]`"),
        ("", "s.yaml is empty; expected lines such as `models: [net, lenet5]`"),
    ],
)
def test_a_wrong_study_gets_one_line_and_writes_nothing(
    convstudy: Convstudy, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "s.yaml").write_text(text)
    said = convstudy("compare", "-c", "s.yaml")
    assert said.status == 2
    assert said.err.startswith(f"error: {message}")
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["s.yaml"]


def test_all_that_is_wrong_in_a_study_is_said_at_once(convstudy: Convstudy, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("models: [net]\nsedes: 3\nthreads: 0\nrecipe: {lr: -1, optimizr: sgd}\n")
    said = convstudy("compare", "-c", "s.yaml").err
    assert [
        name in part for name, part in zip(("sedes", "optimizr", "lr", "threads"), said.split("; also: "), strict=True)
    ]
    said = convstudy("compare", "net", "--seeds", "0", "--lr", "-1", "--jobs", "0").err
    assert [flag in said for flag in ("--seeds is 0", "--lr is -1", "--jobs is 0")] == [True] * 3


def test_a_study_that_is_not_there(convstudy: Convstudy) -> None:
    said = convstudy("compare", "-c", "nowhere.yaml")
    assert (said.status, said.err) == (
        2,
        "error: nowhere.yaml cannot be read (No such file or directory); expected a study in YAML\n",
    )


def test_a_comparison_leaves_its_study_and_the_study_is_that_comparison(convstudy: Convstudy, tmp_path: Path) -> None:
    flags = ("--epochs", "1", "--seeds", "1", "--device", "cpu", "--jobs", "1", "--lr", "0.02", "--output", "out")
    assert convstudy("compare", "net", *flags).status == 0
    written = read_study(tmp_path / "out/study.yaml")
    assert written == Plan(("net",), seeds=1, recipe=Recipe(epochs=1, lr=0.02), device="cpu", jobs=1)
    weights = tmp_path / "out/net/seed-0/weights.safetensors"
    before = weights.stat().st_mtime_ns
    said = convstudy("compare", "-c", "out/study.yaml", "--output", "out")
    assert said.status == 0, said.err
    assert weights.stat().st_mtime_ns == before
    assert (
        "recipe.lr is 0.02 there and 0.1 here"
        in convstudy("compare", "-c", "out/study.yaml", "--lr", "0.1", "-o", "out").err
    )


def test_a_study_with_a_person_s_own_words_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("# mine\nmodels: [net]\n")
    write_study(Plan(("net",)), path)
    assert path.read_text().startswith("# mine")
    write_study(Plan(("net",), seeds=4), path)
    assert read_study(path).seeds == 4
    path.write_text("models: [")
    with pytest.raises(StudyError, match="is not YAML"):
        read_study(path)
    write_study(Plan(("net",)), path)
    assert read_study(path) == Plan(("net",))


def test_a_plan_goes_to_plain_values_and_back() -> None:
    plan = Plan(("net",), data_dir=Path("a b"), recipe=Recipe(optimizer="adamw"), log=("wandb",), find_lr=True, jobs=2)
    assert Plan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


@given(plan=plans())
def test_plain_values_are_json_and_say_everything(plan: Plan) -> None:
    assert Plan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


@given(plan=plans())
def test_what_decides_is_not_changed_by_how_it_is_carried_out(plan: Plan) -> None:
    other = replace(plan, jobs=7, device="cuda:5", log=("wandb",), data_dir=Path("elsewhere"))
    assert other.deciding() == plan.deciding()
    for change in ({"threads": 99}, {"first_seed": 5000}, {"data": "other"}, {"seeds": 999}, {"train_images": 10**7}):
        assert replace(plan, **change).deciding() != plan.deciding()
    changed = replace(plan, recipe=replace(plan.recipe, mixup=0.7))
    assert changed.deciding()["recipe"]["mixup"] == 0.7


def test_what_decides_is_in_the_command_or_at_its_default() -> None:
    """A setting that another command is for has no flag of `compare`."""
    for name, each in declared(Plan).items():
        if each.about.decides and name not in {"models", "recipe", "find_lr"}:
            assert each.flags, name
            assert each.about.command in {"", "compare"}, name


def test_the_documents_tell_every_key_and_its_default() -> None:
    table = re.findall(r"^\| `(\w+)` \| (.+) \| (.*)\|$", (ROOT / "docs/studies.md").read_text(), re.MULTILINE)
    assert [key for key, _, _ in table] == list(KEYS)
    for key, _, default in table:
        said = re.fullmatch(r"`([^`]*)` ?", default)
        if said and key != "data_dir":
            written = yaml.safe_load(said[1])
            assert getattr(Plan.from_dict({"models": ["net"], key: written}), key) == KEYS[key].default, key
        elif not default.strip() and key != "recipe":
            assert not KEYS[key].default, key


@pytest.mark.parametrize("path", sorted((ROOT / "studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_studies_that_we_keep_can_be_read(path: Path) -> None:
    plan = read_study(path)
    assert plan.seeds >= 5
    assert [open_model(name).name for name in plan.models] == list(plan.models)


def test_a_study_of_digits_and_one_of_cifar10_are_kept() -> None:
    assert len(read_study(ROOT / "studies/digits.yaml").models) == 8
    assert read_study(ROOT / "studies/cifar10-part.yaml").models == ("net", "lenet5", "resnet20", "plain20")
