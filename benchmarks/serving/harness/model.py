"""The model that the benchmarks score with: 300 trees, trained on the simulator's traffic."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from benchmarks.serving.harness.traffic import SyntheticTraffic, profiles
from fraud.definitions.features import FEATURE_VERSION
from fraud.definitions.loading import load_definitions
from fraud.features.events import encode_table, encode_transactions
from fraud.features.profiles import PROFILE_COLUMNS, ProfileFeatures
from fraud.features.store import CardStore
from fraud.machine.cache import cache_folder
from fraud.messages.admission import decoder_of_admitted
from fraud.registry.bundle import ModelBundle, make_bundle
from fraud.registry.cache import last_good_bundle, save_bundle
from producer.scenario import load_scenario
from producer.simulator.traffic import Simulator

Rows = npt.NDArray[np.float32]

_PROFILE_FEATURES = ProfileFeatures(load_definitions())

CARDS = 10_000
FLAGGED_SHARE = 0.005
"""Of the transactions; each of them is explained, which costs more than scoring a hundred."""

_START = date(2025, 10, 1)
_DAYS = 45
_SCENARIO = "small"
_ROUNDS = 300


def trained_model() -> ModelBundle:
    """The bundle, with a threshold that flags `FLAGGED_SHARE` of the benchmarks' transactions."""
    bundle = _cached_model()
    scores = bundle.score(_benchmark_rows(60_000)[20_000:])
    threshold = float(np.quantile(scores, 1 - FLAGGED_SHARE))
    return replace(bundle, metadata=bundle.metadata.model_copy(update={"threshold": threshold}))


def _cached_model() -> ModelBundle:
    """The model, trained once on a machine and stored in the user's cache."""
    folder = cache_folder("benchmark-model", f"{FEATURE_VERSION} {_SCENARIO} {_DAYS} {_ROUNDS}".encode())
    bundle = last_good_bundle(folder)
    if bundle is None:
        rows, labels = simulated_rows()
        save_bundle(
            make_bundle(load_definitions(), _train(rows, labels), model_name="benchmark", threshold=0.5),
            folder,
        )
        bundle = last_good_bundle(folder)
        assert bundle is not None
    return bundle


def simulated_rows(days: int = _DAYS) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """Features of simulated transactions, shape (N, F), and which were fraud; merchants are unknown."""
    simulator, store = Simulator(load_scenario(_SCENARIO), 1, _START), CardStore(load_definitions())
    rows, labels = [], []
    for number in range(days):
        day = simulator.day(_START + timedelta(days=number))
        features, _ = store.process(encode_table(load_definitions(), day.transactions))
        rows.append(np.hstack([features, _merchants(day.transactions["amount"].to_numpy(), number)]))
        labels.append(day.truth["is_fraud"].to_numpy(zero_copy_only=False))
    return np.vstack(rows), np.concatenate(labels)


def _benchmark_rows(count: int) -> Rows:
    """Features of the first transactions that `fill` writes."""
    decode = decoder_of_admitted(load_definitions())
    traffic, store = SyntheticTraffic(CARDS), CardStore(load_definitions())
    admitted = [decode(traffic.draw(number)[1].encode()) for number in range(count)]
    features, _ = store.process(encode_transactions(load_definitions(), admitted))
    known = {one.merchant_id: one.values for one in profiles()}
    values = np.array([known[one.transaction.merchant_id] for one in admitted], dtype=np.float64)
    amounts = np.array([one.amount for one in admitted])
    return np.hstack([features, _PROFILE_FEATURES.compute(amounts, values)])


def _merchants(amounts: npt.NDArray[np.int64], seed: int) -> Rows:
    profiles = np.random.default_rng(seed).lognormal(3, 1, size=(len(amounts), len(PROFILE_COLUMNS)))
    return _PROFILE_FEATURES.compute(amounts, profiles)


def _train(rows: Rows, labels: npt.NDArray[np.bool_]) -> xgb.Booster:
    params = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_depth": 6,
        "eta": 0.1,
        "min_child_weight": 1,
        "nthread": 2,
        "seed": 1,
    }
    matrix = xgb.DMatrix(rows, labels, feature_names=list(load_definitions().feature_names))
    return xgb.train(params, matrix, num_boost_round=_ROUNDS)
