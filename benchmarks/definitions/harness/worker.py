"""Measures the code of the folder that it runs in, whichever commit it is of.

Started with `python -c TEXT`, so that its imports come from the working directory; it uses only what the
benchmarks of any commit have. Each line of its input is a task with arguments; the answer is a line of JSON.

    prepare SHAPE           save the model, write the merchants' profiles
    score GROUP MESSAGES    score the topic with a group of that name
    offline PAYMENTS SHAPE  the features of so many simulated payments, in this process
    spark MILLIONS SHAPE    preprocess a history of so many million payments
"""

import contextlib
import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any


def _prepare(shape: str) -> dict[str, Any]:
    from benchmarks.serving.harness import traffic
    from benchmarks.serving.harness.model import trained_model
    from fraud.registry.cache import save_bundle
    from fraud.settings import load_settings

    settings = load_settings()
    names = ("publish_profiles", "_publish_profiles")
    next(getattr(traffic, name) for name in names if hasattr(traffic, name))(settings)
    save_bundle(_model(trained_model, shape), settings.home / "serving" / "model")
    return {}


def _model(trained_model: Any, shape: str) -> Any:
    return trained_model() if shape == "v1" else trained_model(_named(shape))


def _named(shape: str) -> Any:
    """Only this checkout is asked for other shapes than v1."""
    return import_module("benchmarks.serving.harness.shapes").shape(shape)


def _score(group: str, messages: str) -> dict[str, Any]:
    from benchmarks.serving.throughput import score
    from fraud.settings import load_settings
    from serving.run import tune_garbage_collector

    serving = {"group_id": group, "transactional_id": group, "snapshot_interval_s": 0}
    tune_garbage_collector()
    count, seconds, cpu_s = score(load_settings(serving=serving), int(messages))
    return {"count": count, "seconds": seconds, "cpu_s": cpu_s}


def _offline(payments: str, shape: str) -> dict[str, Any]:
    golden: Any = import_module("benchmarks.golden")
    compute, taken = golden.compute_features, []

    def timed(*arguments: Any, **named: Any) -> Any:
        started, cpu = time.perf_counter(), time.process_time()
        found = compute(*arguments, **named)
        taken.append((time.perf_counter() - started, time.process_time() - cpu))
        return found

    golden.compute_features = timed
    try:
        if shape == "v1":
            golden.digests(int(payments))
        else:
            _wide_digests(golden, int(payments), _named(shape))
    finally:
        golden.compute_features = compute
    return {"count": int(payments), "seconds": taken[0][0], "cpu_s": taken[0][1]}


def _wide_digests(golden: Any, count: int, shape: Any) -> None:
    shapes: Any = import_module("benchmarks.serving.harness.shapes")
    transactions, labels = golden.payments_and_labels(count)
    wide = shapes.with_wide_columns(transactions, 1)
    golden.compute_features(shapes.definitions_of(shape), wide, labels, lambda *_: None)


def _spark(millions: str, shape: str) -> dict[str, Any]:
    from benchmarks.preprocess import run

    sizes = [float(millions)]
    found = (run(sizes) if shape == "v1" else run(sizes, _named(shape)))[0]
    return {"count": found.transactions, "seconds": found.total_s, "cpu_s": found.cpu_s}


_TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    "prepare": _prepare,
    "score": _score,
    "offline": _offline,
    "spark": _spark,
}


def main() -> None:
    """Do the tasks until the input ends."""
    for line in sys.stdin:
        name, *arguments = line.split()
        # What the measured code prints is no answer.
        with contextlib.redirect_stdout(sys.stderr):
            answer = _TASKS[name](*arguments)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
