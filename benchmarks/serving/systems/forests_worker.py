"""treelite, tl2cgen and ONNX Runtime on a booster; runs in its own environment.

`python forests_worker.py FOLDER SECONDS` reads the booster, rows and XGBoost's margins from the folder and
prints a line of JSON. It imports nothing of this project.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

_BATCHES = (1, 16, 256, 2_000)


def main(folder: Path, seconds: float) -> None:
    """Measure each library that can be imported."""
    rows, margins = np.load(folder / "rows.npy"), np.load(folder / "margins.npy")
    results: dict[str, Any] = {}
    for name, prepare in (
        ("treelite GTIL", _gtil),
        ("tl2cgen (gcc)", _compiled),
        ("ONNX Runtime", _onnx),
    ):
        try:
            score = prepare(folder, rows.shape[1])
            found = np.asarray(score(rows), dtype=np.float64).reshape(-1)
            difference = float(np.max(np.abs(_probability(found) - _probability(margins))))
        except Exception as error:  # the table shows the error
            results[name] = {"missing": repr(error)[:200]}
            continue
        us = {str(size): _time(score, rows, size, seconds) for size in _BATCHES}
        results[name] = {"us": us, "worst_difference": difference}
    print(json.dumps(results))


def _probability(margins: Any) -> Any:
    return 1 / (1 + np.exp(-margins))


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


def _gtil(folder: Path, _features: int) -> Callable[[Any], Any]:
    import treelite

    model = treelite.frontend.load_xgboost_model(str(folder / "model.json"))
    return lambda part: treelite.gtil.predict(model, part, nthread=1, pred_margin=True)


def _compiled(folder: Path, _features: int) -> Callable[[Any], Any]:
    import tl2cgen
    import treelite

    model = treelite.frontend.load_xgboost_model(str(folder / "model.json"))
    library = folder / "model.so"
    tl2cgen.export_lib(model, toolchain="gcc", libpath=library, params={"parallel_comp": 8}, nthread=2)
    predictor = tl2cgen.Predictor(library, nthread=1)
    return lambda part: predictor.predict(tl2cgen.DMatrix(part), pred_margin=True)


def _onnx(folder: Path, features: int) -> Callable[[Any], Any]:
    import onnxruntime
    import xgboost
    from onnxmltools.convert import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    booster = xgboost.Booster(model_file=str(folder / "model.json"))
    booster.feature_names = [f"f{number}" for number in range(features)]
    model = convert_xgboost(booster, initial_types=[("rows", FloatTensorType([None, features]))])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)

    def margin(part: Any) -> Any:
        fraud = np.clip(session.run(None, {"rows": part})[1][:, 1].astype(np.float64), 1e-12, 1 - 1e-12)
        return np.log(fraud) - np.log1p(-fraud)

    return margin


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
