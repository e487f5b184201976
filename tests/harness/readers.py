"""What reads files from outside, and files of the kind that each reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
import yaml
from hypothesis import strategies as st

from convstudy.cli.compare import carry_out
from convstudy.study import ComparisonFolder, Plan, import_predictions, read_study
from convstudy.study.plans.yaml_file import study_text
from convstudy.study.runs.digests import signed
from convstudy.study.trained.open_run import open_run
from convstudy.training import Recipe
from convstudy.training.checkpoint import load_checkpoint, save_checkpoint
from convstudy.training.recipe_file import read_recipe, recipe_text
from convstudy.training.state import TrainingState
from convstudy.zoo.weight_files import read_weights, stated
from tests.harness import inputs
from tests.harness.inputs import CHANGES, EDITS, Files, all_edited, changed
from tests.harness.worker import Call, convstudy

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests/claims/corpus"
Content = dict[str, bytes]
RECIPE = Recipe(epochs=1, warmup_epochs=0)


@dataclass(frozen=True)
class Reader:
    """A reader, and a strategy for its input files."""

    name: str
    call: Call
    inputs: st.SearchStrategy[Content]

    @property
    def files(self) -> st.SearchStrategy[Files]:
        """Input files, which Hypothesis prints in short."""
        return self.inputs.map(Files)


def _bytes(corpus: dict[str, bytes]) -> st.SearchStrategy[Content]:
    """Change the bytes of one file out of several; all have one name, with the suffix of the file."""
    one = st.sampled_from(sorted(corpus))
    return st.builds(lambda name, how: {f"a{Path(name).suffix}": changed(corpus[name], how)}, one, CHANGES)


def _one(folder: Path) -> Path:
    return Path(next(path for path in sorted(folder.iterdir()) if path.is_file()).name)


def check(folder: Path) -> None:
    """Check a layer table and build its network."""
    convstudy("check", _one(folder), "--corrected", "corrected.tsv")
    convstudy("build", _one(folder))


def study(folder: Path) -> None:
    """Read a study file."""
    study_text(read_study(_one(folder)))


def recipe(folder: Path) -> None:
    """Read a recipe."""
    recipe_text(read_recipe(_one(folder)))


def data(folder: Path) -> None:
    """Read a file of arrays or a list of images, inspect it, and take it apart for training."""
    convstudy("data", "inspect", _one(folder))


def image_folder(folder: Path) -> None:
    """Inspect a folder of images, with the page that shows them."""
    convstudy("data", "inspect", "pets", "--sheet", "sheet.html")


def predict(folder: Path) -> None:
    """Predict images with a finished run."""
    convstudy("predict", finished() / "net/seed-0", "pets", "--format", "json", "--device", "cpu")


def predictions(folder: Path) -> None:
    """Import predictions, twice under different names."""
    file = _one(folder)
    convstudy("import", file, "--model", "theirs", "--output", "out")
    convstudy("import", file, "--model", "others", "--output", "out")


def comparison(folder: Path) -> None:
    """Use a comparison's folder: what reads only some of its files first."""
    problems: list[Exception] = []
    for words in (("status", "both", "--json"), ("watch", "both", "--once"), ("verify", "both"), ("report", "both")):
        _tried(problems, partial(convstudy, *words))
    _tried(problems, lambda: convstudy("report", "both", "--format", "markdown"))
    if problems:
        raise problems[0]


def run_folder(folder: Path) -> None:
    """Open a finished run."""
    open_run(Path("both/net/seed-0")).network(torch.device("cpu"))
    convstudy("export", "both/net/seed-0", "--format", "safetensors", "--output", "x.safetensors")


def _tried(problems: list[Exception], call: Callable[[], None]) -> None:
    from convstudy.errors import ConvstudyError  # noqa: PLC0415

    try:
        call()
    except ConvstudyError as error:
        problems.append(error)


def weights(folder: Path) -> None:
    """Read a file of weights."""
    stated(_one(folder))
    read_weights(_one(folder))


def network_with_weights(folder: Path) -> None:
    """Put a file of weights into a network."""
    convstudy("summary", f"net@./{_one(folder)}", "--format", "json")


def checkpoint(folder: Path) -> None:
    """Continue from a checkpoint."""
    load_checkpoint(Path("a.pt"), _state())


def _state() -> TrainingState:
    torch.manual_seed(0)
    return TrainingState.of(torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3)), RECIPE)


@lru_cache(maxsize=1)
def finished() -> Path:
    """Return the folder of a comparison of two small networks and of imported predictions, which is made once."""
    import tempfile  # noqa: PLC0415

    import pandas as pd  # noqa: PLC0415

    folder = Path(tempfile.mkdtemp(prefix="convstudy-fuzz-")) / "both"
    plan = Plan(("net", "lenet5"), seeds=1, recipe=RECIPE, train_images=40, device="cpu", jobs=1)
    carry_out(plan, folder)
    answers = pd.read_parquet(folder / "net/seed-0/predictions.parquet", columns=["id", "label"])
    answers.assign(prediction=answers["label"].to_numpy()[::-1]).to_csv(folder.parent / "a.csv", index=False)
    import_predictions(ComparisonFolder(folder), folder.parent / "a.csv", "theirs")
    return folder


def _tables() -> st.SearchStrategy[Content]:
    corpus = {path.name: path.read_bytes() for path in sorted(CORPUS.iterdir()) if path.is_file()}
    made = st.tuples(inputs.tables(), st.sampled_from([".tsv", ".csv", ".md", ".txt", ".tex", ".html"]))
    return st.one_of(_bytes(corpus), made.map(lambda each: {f"a{each[1]}": each[0].encode("utf-8", "replace")}))


def _workbooks() -> st.SearchStrategy[Content]:
    import io  # noqa: PLC0415
    import zipfile  # noqa: PLC0415

    import openpyxl  # noqa: PLC0415

    book = openpyxl.Workbook()
    sheet: Any = book.active
    for row in (["layer", "shape", "parameters"], ["Input", "(32,32,3)", 0], ["CONV (f=5)", "(28,28,8)", "=8*76"]):
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    with zipfile.ZipFile(out) as packed:
        parts = {part: packed.read(part) for part in packed.namelist()}

    def packed_again(part: str, how: list[tuple[str, int, int]]) -> Content:
        again = io.BytesIO()
        with zipfile.ZipFile(again, "w") as file:
            for name, content in parts.items():
                file.writestr(name, changed(content, how) if name == part else content)
        return {"a.xlsx": again.getvalue()}

    inner = st.builds(packed_again, st.sampled_from(sorted(parts)), CHANGES)
    return st.one_of(_bytes({"a.xlsx": out.getvalue()}), inner)


def _settings(whole: str, name: str) -> st.SearchStrategy[Content]:
    value = yaml.safe_load(whole)

    def dumped(edits: list[tuple[list[int], str, Any]]) -> Content:
        try:
            text = yaml.safe_dump(all_edited(value, edits), allow_unicode=True)
        except (yaml.YAMLError, ValueError):  # such as an integer too long to print
            text = "a: 1"
        return {name: text.encode("utf-8", "surrogatepass")}

    return st.one_of(_bytes({name: whole.encode()}), EDITS.map(dumped))


def _array_files(suffix: str) -> st.SearchStrategy[Content]:
    write = inputs.archive if suffix == ".npz" else inputs.in_hdf5
    good = inputs.good_arrays()
    corpus = {f"a{suffix}": write(good)}
    made = st.dictionaries(inputs.KEYS, inputs.arrays(), max_size=4)
    changed_ = st.builds(
        lambda key, array: good | {key: array}, st.sampled_from([*good, "group_train", "x_val"]), inputs.arrays()
    )
    return st.one_of(_bytes(corpus), st.one_of(made, changed_).map(lambda each: {f"a{suffix}": write(each)}))


def _images() -> st.SearchStrategy[Content]:
    whole = inputs.images()
    names = st.sampled_from(sorted(whole))

    def folder(some: list[tuple[str, list[tuple[str, int, int]]]]) -> Content:
        files = {f"pets/{kind}/{number}.png": whole["a.png"] for kind in ("cat", "dog") for number in range(3)}
        for place, (name, how) in enumerate(some):
            files[f"pets/cat/{place}{name}"] = changed(whole[name], how)
        return files

    return st.lists(st.tuples(names, CHANGES), min_size=1, max_size=4).map(folder)


def _listed() -> st.SearchStrategy[Content]:
    whole = inputs.images()["a.png"]
    lines = "filename,label,split\n" + "".join(
        f"p/{k}{n}.png,{k},{s}\n" for k in "ab" for n, s in enumerate(["train"] * 4 + ["test"])
    )
    beside = {f"p/{k}{n}.png": whole for k in "ab" for n in range(5)}
    return CHANGES.map(lambda how: {"a.csv": changed(lines.encode(), how), **beside})


def _predictions() -> st.SearchStrategy[Content]:
    import io  # noqa: PLC0415

    import pandas as pd  # noqa: PLC0415

    rows = range(30)
    classes = pd.DataFrame(
        {"id": [f"i{n}" for n in rows], "label": [n % 3 for n in rows], "prediction": [n % 2 for n in rows]}
    )
    named = classes.assign(
        label=["abc"[n % 3] for n in rows], prediction=["abc"[n % 2] for n in rows], group=[n // 2 for n in rows]
    )
    scores = classes.drop(columns="prediction").assign(**{f"probability_{k}": [0.5, 0.3, 0.2][k] for k in range(3)})
    logits = classes.drop(columns="prediction").assign(**{f"logit_{k}": [float(n * k) for n in rows] for k in range(3)})
    corpus = {}
    for number, table in enumerate((classes, named, scores, logits)):
        corpus[f"{number}.csv"] = table.to_csv(index=False).encode()
        corpus[f"{number}.tsv"] = table.to_csv(index=False, sep="\t").encode()
        out = io.BytesIO()
        table.to_parquet(out, index=False)
        corpus[f"{number}.parquet"] = out.getvalue()

    def odd(column: str, values: list[Any], parquet: bool) -> Content:
        table = logits.assign(**{column: [values[n % len(values)] for n in rows]})
        out = io.BytesIO()
        if not parquet:
            return {"a.csv": table.to_csv(index=False).encode("utf-8", "replace")}
        try:
            table.to_parquet(out, index=False)
        except Exception:  # values that no column of a Parquet file holds
            return {"a.parquet": corpus["0.parquet"]}
        return {"a.parquet": out.getvalue()}

    columns = st.sampled_from(["id", "label", "prediction", "logit_0", "logit_3", "probability_0", "group", "seed", ""])
    values = st.lists(inputs.VALUES, min_size=1, max_size=3)
    return st.one_of(_bytes(corpus), st.builds(odd, columns, values, st.booleans()))


def _folders() -> st.SearchStrategy[Content]:
    """Change one file of a comparison: its bytes, or the values of its JSON, with a record's digest made anew."""
    whole = {f"both/{name}": content for name, content in inputs.folder_files(finished()).items()}
    del whole["both/report.html"]
    documents = [name for name in whole if name.endswith(".json")]

    def broken(name: str, how: list[tuple[str, int, int]]) -> Content:
        return {**whole, name: changed(whole[name], how)}

    def damaged(name: str, how: list[tuple[str, int, int]]) -> Content:
        """Change a file of a run from before there were digests, of which none tells the damage."""
        files = broken(name, how)
        for path in [path for path in files if path.endswith("run.json") and path != name]:
            record = json.loads(files[path])
            files[path] = json.dumps(
                {k: v for k, v in record.items() if k not in {"files", "digest", "signature"}}
            ).encode()
        return files

    def restated(name: str, edits: list[tuple[list[int], str, Any]]) -> Content:
        value = all_edited(json.loads(whole[name]), edits)
        try:
            record = signed(value) if name.endswith("run.json") and isinstance(value, dict) else value
            text = json.dumps(record)
        except ValueError:
            text = "{}"
        return {**whole, name: text.encode("utf-8", "surrogatepass")}

    def without(name: str) -> Content:
        return {path: content for path, content in whole.items() if path != name}

    names = st.sampled_from(sorted(whole))
    return st.one_of(
        st.builds(broken, names, CHANGES),
        st.builds(damaged, names, CHANGES),
        st.builds(restated, st.sampled_from(documents), EDITS),
        st.builds(without, names),
    )


def _weights(suffix: str) -> st.SearchStrategy[Content]:
    from safetensors.torch import save  # noqa: PLC0415

    state = {"fc.weight": torch.ones(3, 4), "fc.bias": torch.zeros(3)}
    corpus = {
        f"a{suffix}": save(state) if suffix == ".safetensors" else inputs.saved({"state_dict": state, "epoch": 3})
    }
    header = {
        "fc.weight": {"dtype": "F32", "shape": [2, 4], "data_offsets": [0, 32]},
        "__metadata__": {"classes": "[1]"},
    }
    index = {"weight_map": {"fc.weight": "a.safetensors"}}
    made = {
        ".safetensors": EDITS.map(lambda edits: {"a.safetensors": _safetensors(all_edited(header, edits))}),
        ".pth": inputs.states().map(lambda value: {"a.pth": inputs.saved(value)}),
        ".bin": inputs.states().map(lambda value: {"a.bin": inputs.pickled(value)}),
        ".json": EDITS.map(lambda edits: {"a.bin.index.json": _text(all_edited(index, edits))}),
    }[suffix]
    return made if suffix == ".json" else st.one_of(_bytes(corpus), made)


def _text(value: Any) -> bytes:
    try:
        return json.dumps(value).encode("utf-8", "surrogatepass")
    except ValueError:
        return b"{}"


def _safetensors(header: Any) -> bytes:
    try:
        return inputs.safetensors_file(header)
    except ValueError:
        return b""


def _checkpoints() -> st.SearchStrategy[Content]:
    import tempfile  # noqa: PLC0415

    path = Path(tempfile.mkdtemp(prefix="convstudy-fuzz-")) / "a.pt"
    save_checkpoint(path, _state())
    stored = torch.load(path, weights_only=True)

    def edited(key: str, value: Any) -> Content:
        try:
            return {"a.pt": inputs.saved(stored | {key: value})}
        except (OverflowError, ValueError):
            return {"a.pt": b""}

    made = st.builds(edited, st.sampled_from(sorted(stored)), inputs.states())
    return st.one_of(_bytes({"a.pt": path.read_bytes()}), made)


def readers() -> dict[str, Reader]:
    """Return all readers by name."""
    runs = _folders()
    found = [
        Reader("tables", check, _tables()),
        Reader("workbooks", check, _workbooks()),
        Reader("study files", study, _settings(study_text(Plan(("net", "lenet5"), recipe=RECIPE)), "a.yaml")),
        Reader("recipes", recipe, _settings(recipe_text(RECIPE), "a.yaml")),
        Reader("npz", data, _array_files(".npz")),
        Reader("h5", data, _array_files(".h5")),
        Reader("lists of images", data, _listed()),
        Reader("images, inspected", image_folder, _images()),
        Reader("images, predicted", predict, _images()),
        Reader("predictions", predictions, _predictions()),
        Reader("comparisons", comparison, runs),
        Reader("run folders", run_folder, runs),
        Reader("safetensors", weights, _weights(".safetensors")),
        Reader("checkpoints of others", weights, _weights(".pth")),
        Reader("plain pickles", weights, _weights(".bin")),
        Reader("indexes of weights", weights, _weights(".json")),
        Reader("weights in networks", network_with_weights, _weights(".pth")),
        Reader("own checkpoints", checkpoint, _checkpoints()),
    ]
    return {reader.name: reader for reader in found}
