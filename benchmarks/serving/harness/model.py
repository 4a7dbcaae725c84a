"""The model that the benchmarks score with: 300 trees, trained on the simulator's traffic."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from benchmarks.serving.harness.shapes import V1, PaymentShape, definitions_of, with_wide_columns
from benchmarks.serving.harness.traffic import SyntheticTraffic, profiles, time_of
from fraud.definitions.definitions import Definitions
from fraud.definitions.features import FEATURE_VERSION
from fraud.features.decoded_batch import decode_batch
from fraud.features.events import encode_table
from fraud.features.profiles import PROFILE_COLUMNS, ProfileFeatures
from fraud.features.store import CardStore
from fraud.machine.cache import cache_folder, write_whole
from fraud.messages.admission import AdmissionFilter
from fraud.registry.bundle import ModelBundle, make_bundle
from fraud.registry.cache import last_good_bundle, save_bundle
from fraud.settings import AdmissionSettings
from producer.scenario import load_scenario
from producer.simulator.traffic import Simulator

Rows = npt.NDArray[np.float32]

CARDS = 10_000
FLAGGED_SHARE = 0.005
"""Of the transactions; each of them is explained, which costs more than scoring a hundred."""

WINDOW_FEATURES = (
    "amount",
    *(
        f"card_{name}_{window}"
        for window in ("10m", "1h", "24h", "7d", "30d")
        for name in ("count", "sum", "mean", "max")
    ),
)
"""What the peers compute, in the order of their model's columns."""

_START = date(2025, 10, 1)
_DAYS = 45
_SCENARIO = "small"
_ROUNDS = 300


def trained_model(shape: PaymentShape = V1) -> ModelBundle:
    """The bundle, with a threshold that flags `FLAGGED_SHARE` of the benchmarks' transactions."""
    bundle = _cached_model(shape)
    scores = bundle.score(_benchmark_rows(60_000, shape)[20_000:])
    threshold = float(np.quantile(scores, 1 - FLAGGED_SHARE))
    metadata = bundle.metadata.model_copy(update={"threshold": threshold})
    return replace(bundle, metadata=metadata, files=None)  # It is not the model of the files any more.


def _cached_model(shape: PaymentShape) -> ModelBundle:
    """The model, trained once on a machine and stored in the user's cache."""
    definitions = definitions_of(shape)
    wide = f" {definitions.digest}" if shape.text else ""
    made_of = f"{FEATURE_VERSION} {_SCENARIO} {_DAYS} {_ROUNDS}{wide}"
    folder = cache_folder("benchmark-model", made_of.encode())
    bundle = last_good_bundle(folder)
    if bundle is None:
        rows, labels = simulated_rows(shape=shape)
        booster = _train(rows, labels, definitions.feature_names)
        save_bundle(make_bundle(definitions, booster, model_name="benchmark", threshold=0.5), folder)
        bundle = last_good_bundle(folder)
        assert bundle is not None
    return bundle


def windows_model() -> Path:
    """The file of the peers' model: as many trees, trained alike, on the features that the peers compute."""
    made_of = f"{FEATURE_VERSION} {_SCENARIO} {_DAYS} {_ROUNDS} {WINDOW_FEATURES}"
    file = cache_folder("benchmark-windows-model", made_of.encode()) / "model.json"
    if not file.exists():
        rows, labels = simulated_rows()
        names = definitions_of(V1).feature_names
        columns = [names.index(name) for name in WINDOW_FEATURES]
        booster = _train(np.ascontiguousarray(rows[:, columns]), labels, WINDOW_FEATURES)
        write_whole(file, bytes(booster.save_raw("json")))
    return file


def simulated_rows(days: int = _DAYS, shape: PaymentShape = V1) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """Features of simulated transactions, shape (N, F), and which were fraud; merchants are unknown."""
    definitions = definitions_of(shape)
    simulator, store = Simulator(load_scenario(_SCENARIO), 1, _START), CardStore(definitions)
    rows, labels = [], []
    for number in range(days):
        day = simulator.day(_START + timedelta(days=number))
        table = with_wide_columns(day.transactions, number) if shape.text else day.transactions
        features, _ = store.process(encode_table(definitions, table))
        amounts = day.transactions["amount"].to_numpy()
        rows.append(np.hstack([features, _merchants(definitions, amounts, number)]))
        labels.append(day.truth["is_fraud"].to_numpy(zero_copy_only=False))
    return np.vstack(rows), np.concatenate(labels)


def _benchmark_rows(count: int, shape: PaymentShape) -> Rows:
    """Features of the first transactions that `fill` writes."""
    definitions, traffic = definitions_of(shape), SyntheticTraffic(CARDS, shape=shape)
    values = [traffic.draw(number)[1].encode() for number in range(count)]
    times = np.array([time_of(number) for number in range(count)], dtype=np.int64)
    decoded = decode_batch(AdmissionFilter(definitions, AdmissionSettings()), values, times)
    features, _ = CardStore(definitions).process(decoded.events)
    known = {one.merchant_id: one.values for one in profiles()}
    merchants = np.array([known[name] for name in decoded.texts()["merchant_id"]], dtype=np.float64)
    amounts = decoded.events.heads["amount"]
    return np.hstack([features, ProfileFeatures(definitions).compute(amounts, merchants)])


def _merchants(definitions: Definitions, amounts: npt.NDArray[np.int64], seed: int) -> Rows:
    profiles = np.random.default_rng(seed).lognormal(3, 1, size=(len(amounts), len(PROFILE_COLUMNS)))
    return ProfileFeatures(definitions).compute(amounts, profiles)


def _train(rows: Rows, labels: npt.NDArray[np.bool_], names: tuple[str, ...]) -> xgb.Booster:
    params = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_depth": 6,
        "eta": 0.1,
        "min_child_weight": 1,
        "nthread": 2,
        "seed": 1,
    }
    matrix = xgb.DMatrix(rows, labels, feature_names=list(names))
    return xgb.train(params, matrix, num_boost_round=_ROUNDS)
