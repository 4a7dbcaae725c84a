"""Ways to score a micro-batch with the same booster: µs a row, one thread, by batch size."""

import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import Section
from benchmarks.serving.harness.model import simulated_rows, trained_model
from benchmarks.serving.harness.testbed import print_progress
from benchmarks.serving.systems.environments import python_with, versions
from fraud.native.forest import compile_forest

BATCHES = (1, 16, 256, 2_000)
_PACKAGES = ("treelite", "tl2cgen", "onnxruntime", "onnxmltools")
_WORKER = Path(__file__).with_name("forests_worker.py")
_ROWS = 20_000


def run(seconds: float) -> Section:
    """Every way for `seconds` at each batch size."""
    booster = trained_model().booster
    rows, _ = simulated_rows(days=15)
    rows = np.ascontiguousarray(rows[np.random.default_rng(1).choice(len(rows), _ROWS, replace=False)])
    forest = compile_forest(booster)
    assert forest is not None
    booster.set_param({"nthread": 1})
    ways: dict[str, Any] = {
        "fraud/native/forest.py": {"us": time_way(forest.margin, rows, seconds), "worst_difference": 0.0},
        "xgboost inplace_predict": {
            "us": time_way(lambda part: booster.inplace_predict(part, predict_type="margin"), rows, seconds),
            "worst_difference": 0.0,
        },
    }
    python = python_with(_PACKAGES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        booster.save_model(folder / "model.json")
        np.save(folder / "rows.npy", rows)
        np.save(folder / "margins.npy", forest.margin(rows))
        print_progress("forests: the others, in their own environment")
        command = [str(python), str(_WORKER), str(folder), str(seconds)]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=900).stdout
    ways |= json.loads(output.splitlines()[-1])
    nodes = len(booster.trees_to_dataframe())
    figures = {"nodes": nodes, "ways": ways, "versions": versions(python, _PACKAGES)}
    return Section("forests", "Scoring with the same 300 trees", figures, list(_table(figures)))


def time_way(score: Callable[[Any], Any], rows: Any, seconds: float) -> dict[str, float]:
    """Median µs a row by batch size."""
    return {str(size): _time(score, rows, size, seconds) for size in BATCHES}


def _time(score: Callable[[Any], Any], rows: Any, size: int, seconds: float) -> float:
    score(rows[:size])
    taken, started, first = [], time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        part = rows[first : first + size]
        before = time.perf_counter()
        score(part)
        taken.append(time.perf_counter() - before)
        first = (first + size) % (len(rows) - size + 1)
    return statistics.median(taken) / size * 1e6


def _table(figures: dict[str, Any]) -> Iterator[str]:
    yield (
        f"µs a row, the median, one thread; {figures['nodes']:,} nodes, trained on simulated traffic; "
        + ", ".join(f"{name} {version}" for name, version in figures["versions"].items())
        + "."
    )
    yield ""
    yield (
        "| | "
        + " | ".join(f"batch of {size:,}" for size in BATCHES)
        + " | largest difference of a probability |"
    )
    yield "|---|" + "---|" * (len(BATCHES) + 1)
    for name, way in figures["ways"].items():
        if "us" not in way:
            yield f"| {name} | could not be measured: {way['missing']} |" + " |" * len(BATCHES)
            continue
        cells = " | ".join(f"{way['us'][str(size)]:.1f}" for size in BATCHES)
        yield f"| {name} | {cells} | {way['worst_difference']:.1g} |"
