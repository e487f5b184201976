"""A model card in Markdown, with the metadata of the Hugging Face Hub, for an exported network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from convstudy.errors import StudyError, printable_lines
from convstudy.files import whole_file
from convstudy.report import numbers, sentences
from convstudy.report.document import in_text
from convstudy.report.health import health_sentence
from convstudy.report.measures import columns_of, metric_of
from convstudy.report.shareable import shareable, without_paths
from convstudy.statistics import top1_interval
from convstudy.wording import plural

if TYPE_CHECKING:
    from convstudy.study import Exported, Findings, TrainedRun
    from convstudy.study.comparisons.results import ModelResult, Results

MARK = "<!-- written by convstudy export --card -->"
MOST_CLASSES = 50  # that are listed

LOADING = {
    "onnx": """import json
import onnxruntime

session = onnxruntime.InferenceSession("{file}")
images = ...  # float32, N x {channels} x {side} x {side}, preprocessed as described above
(logits,) = session.run(["logits"], {{"image": images}})
classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
labels = [classes[number] for number in logits.argmax(1)]""",
    "safetensors": """import json
from safetensors import safe_open
from safetensors.torch import load_file

weights = load_file("{file}")  # for load_state_dict of the network {name}
with safe_open("{file}", "pt") as file:
    classes = json.loads(file.metadata()["classes"])  # in the order of the logits""",
    "torchvision": """import torch
import torchvision

network = torchvision.models.get_model("{name}", num_classes={classes})
network.load_state_dict(torch.load("{file}", weights_only=True))
network.eval()  # images: float32, N x {channels} x {side} x {side}, preprocessed as described above""",
}


def card_in(folder: Path) -> Path:
    """Return the path of a card in a folder. Raises: StudyError, if another README.md is there."""
    path = folder / "README.md"
    if path.exists() and MARK not in path.read_text(encoding="utf-8", errors="replace"):
        raise StudyError(f"{path} exists and is not a model card of convstudy; choose another folder with `output`")
    return path


def write_model_card(run: TrainedRun, findings: Findings, exported: Exported) -> Path:
    """Write the card as README.md beside the exported file, and return its path.

    Raises: StudyError, if another README.md is there; OSError, if the folder cannot be written to.
    """
    path = card_in(exported.path.parent)
    text = printable_lines(model_card(run, findings, exported))  # names of files may be no text
    with whole_file(path, keep_hard_links=True) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")
    return path


def model_card(run: TrainedRun, findings: Findings, exported: Exported) -> str:
    """Return the card of an exported run: of its comparison, or of the run alone.

    What it says about other networks and other seeds is what the findings show.
    """
    place = [model.name for model in findings.results.models].index(run.name)
    results = shareable(findings).results
    model = results.models[place]
    data = results.protocol.data
    seed = int(run.record["seed"])
    front = yaml.safe_dump(_metadata(run, model, results), sort_keys=False, allow_unicode=True, width=1000)
    parts = [
        f"---\n{front}---",
        f"# {in_text(model.name)} on {in_text(data.name)}",
        f"An image classifier of {plural(len(data.class_names), 'class')}, trained with convstudy "
        f"{run.record['convstudy']}.",
        "## Intended use",
        f"Images like those of {in_text(data.name)} ({in_text(data.source)}). It answers with one of these classes, "
        "also for an image of none of them. Nothing is known about its accuracy on other kinds of images.",
        _classes(data.class_names),
        "## Data",
        "\n".join(f"- {line}" for line in _data(run, results)),
        "## Results",
        "\n\n".join(_results(run, findings, model, results, seed)),
        "## Cost",
        "\n".join(f"- {line}" for line in _cost(model, exported)),
        "## How to load it",
        f"```python\n{_loading(run, exported)}\n```",
        "## Training",
        in_text(sentences.selection(results.protocol)),
        _recipe(results),
        f"Command:\n\n```console\n{results.protocol.command}\n```",
        MARK,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _metadata(run: TrainedRun, model: ModelResult, results: Results) -> dict[str, Any]:
    data = results.protocol.data
    metrics = [{"type": "accuracy", "name": "Top-1 of this run", "value": round(float(run.record["top1"]), 4)}]
    dataset = {"name": data.name, "type": re.sub(r"[^A-Za-z0-9._-]+", "-", data.name)}
    result = {"task": {"type": "image-classification"}, "dataset": dataset, "metrics": metrics}
    return {
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "convstudy"],
        "metrics": ["accuracy"],
        "model-index": [{"name": model.name, "results": [result]}],
    }


def _classes(names: tuple[str, ...]) -> str:
    listed = ", ".join(map(in_text, names[:MOST_CLASSES]))
    more = f" and {len(names) - MOST_CLASSES} more" if len(names) > MOST_CLASSES else ""
    return f"Classes, in the order of the logits: {listed}{more}."


def _data(run: TrainedRun, results: Results) -> Iterator[str]:
    data = results.protocol.data
    yield (
        f"{data.train:,} training, {data.validation:,} validation and {data.test:,} test images; fingerprint "
        f"`{data.fingerprint[:16]}`."
    )
    yield f"Preprocessing: {in_text(run.preprocessing.text)}."
    yield in_text(sentences.assumption(data))
    for found in data.findings or ():
        yield f"Problem found: {in_text(found.sentence)}" + (
            ". **Test images were used in training or selection, so the accuracies are too high.**"
            if found.contaminates
            else "."
        )


def _results(run: TrainedRun, findings: Findings, model: ModelResult, results: Results, seed: int) -> Iterator[str]:
    own = next(each for each in findings.runs if each.model == run.name and each.seed == seed)
    if not own.groups and results.protocol.folds is None:
        interval = top1_interval(own.right[None])
        limits = f"95% CI {numbers.percent_interval(interval.low, interval.high)}, "
    else:
        limits = ""
    yield (
        f"This file is the run with seed {seed}: top-1 {numbers.percent(float(own.right.mean()))} on "
        f"{plural(len(own.labels), 'test image')} ({limits}for other test images, not for other seeds)."
    )
    seeds = len(model.top1.per_seed)
    if seeds > 1:
        yield f"Mean over {plural(seeds, 'seed')}, with 95% CIs for other seeds and other test images:"
    else:
        yield "One run says nothing about other seeds, which often differ by more than the interval. With 95% CIs:"
    rows = ["| metric | mean | 95% CI |", "|---|---:|---:|"]
    for column in columns_of(results.models):
        metric = metric_of(model, column)
        if metric is not None:
            rows.append(f"| {column.head} | {column.mean(metric)} | {column.interval(metric) or '–'} |")
    yield "\n".join(rows)
    pairs = [pair for pair in results.comparisons if model.name in (pair.a, pair.b)]
    if pairs:
        yield "\n".join(f"- {in_text(sentences.verdict_in(results, pair))}." for pair in pairs)
    wrong = [
        f"- {in_text(health_sentence(finding, len(results.protocol.seeds)))}"
        for finding in results.health
        if finding.model == model.name
    ]
    if wrong:
        yield "\n".join(["Problems of its runs:", "", *wrong])


def _cost(model: ModelResult, exported: Exported) -> Iterator[str]:
    bound = "at least " if model.uncounted else ""
    yield f"File: {numbers.num_bytes(exported.path.stat().st_size)} (`{exported.path.name}`, {exported.format})."
    if model.parameters is not None and model.macs is not None:
        yield f"{model.parameters:,} parameters; {bound}{numbers.scaled(model.macs)} multiply-accumulates per image."
    if model.latency_ms is not None:
        yield f"{numbers.rate(model.latency_ms)} ms per image (median) on the machine that it was trained on."


def _loading(run: TrainedRun, exported: Exported) -> str:
    channels, side, _ = run.preprocessing.input_shape
    return LOADING[exported.format].format(
        file=exported.path.name,
        name=without_paths(run.name),
        classes=len(run.class_names),
        channels=channels,
        side=side,
    )


def _recipe(results: Results) -> str:
    settings = (f"{name.replace('_', ' ')} {numbers.setting(value)}" for name, value in results.protocol.recipe.items())
    return f"Recipe: {in_text('; '.join(settings))}."
