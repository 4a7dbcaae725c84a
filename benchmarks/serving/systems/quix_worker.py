"""Fraud scoring as a user of Quix Streams would write it; runs in its own environment.

A card's events of 30 days are one value in the card's state: packed records, which are faster in Quix than
JSON. The features come from this project's compiled kernel, run over those events, so that both score the
same numbers. `python -m benchmarks.serving.systems.quix_worker inplace_predict|forest` reads the settings
from the environment, as serving does.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from quixstreams import Application, State

from benchmarks.serving.harness.traffic import profiles
from fraud.definitions.features import FEATURE_VERSION
from fraud.definitions.loading import load_definitions
from fraud.features.events import HEAD, Events, encode_transactions
from fraud.features.profiles import ProfileFeatures
from fraud.features.store import CardStore
from fraud.messages.admission import Admitted, decoder_of_admitted
from fraud.native.forest import compile_forest
from fraud.registry.cache import last_good_bundle
from fraud.schema import Prediction
from fraud.settings import Settings, load_settings


def main(way: str) -> None:
    """Answer the transactions until SIGTERM."""
    settings = load_settings()
    serving = settings.serving
    app = Application(
        broker_address=settings.kafka.bootstrap_servers,
        consumer_group=serving.group_id,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=serving.commit_interval_s,
        state_dir=settings.home / "state",
        consumer_poll_timeout=0.05,
        loglevel="WARNING",
    )
    source = app.topic(settings.topics.transactions, value_deserializer="bytes", key_deserializer="str")
    target = app.topic(settings.topics.predictions, value_serializer="bytes", key_serializer="str")
    app.dataframe(source).apply(_scoring(settings, way), stateful=True).to_topic(target)
    app.run()


def _scoring(settings: Settings, way: str) -> Callable[[bytes, State], bytes]:
    decode, encode = decoder_of_admitted(load_definitions()), msgspec.json.Encoder().encode
    known = {one.merchant_id: np.array([one.values], dtype=np.float64) for one in profiles()}
    margin, profile_features = _margin(settings, way), ProfileFeatures(load_definitions())

    def score(value: bytes, state: State) -> bytes:
        admitted = decode(value)
        transaction, amount = admitted.transaction, admitted.amount
        events = _remember(state, admitted)
        kernel_row = _features(events)
        profile_row = profile_features.compute(np.array([amount]), known[transaction.merchant_id])
        chance = float(1 / (1 + np.exp(-margin(np.hstack([kernel_row, profile_row]))[0])))
        prediction = Prediction(
            transaction.transaction_id, transaction.card_id, transaction.timestamp, amount,
            transaction.currency, chance, "review" if chance >= 0.5 else "approve", 0.5, "benchmark", "1",
            FEATURE_VERSION, int(time.time() * 1_000),
        )  # fmt: skip
        return encode(prediction)

    return score


def _remember(state: State, admitted: Admitted) -> Events:
    """The card's events of the longest window, the new one last."""
    definitions = load_definitions()
    fields = len(definitions.fields)
    heads = np.frombuffer(state.get_bytes("heads", b""), dtype=HEAD)
    values = np.frombuffer(state.get_bytes("values", b""), dtype=np.int64).reshape(-1, fields)
    start = admitted.transaction.timestamp - definitions.longest_window_ms
    alive = Events(heads, values)[heads["timestamp"] > start]
    events = Events.concatenate([alive, encode_transactions(definitions, [admitted])])
    state.set_bytes("heads", events.heads.tobytes())
    state.set_bytes("values", events.values.tobytes())
    return events


def _features(events: Events) -> Any:
    rows, _ = CardStore(load_definitions(), 4, 2 * len(events) + 16).process(events)
    return rows[-1:]


def _margin(settings: Settings, way: str) -> Callable[[Any], Any]:
    bundle = last_good_bundle(settings.home / "serving" / "model")
    assert bundle is not None
    booster = bundle.booster
    booster.set_param({"nthread": 1})
    if way == "forest":
        forest = compile_forest(booster)
        assert forest is not None
        return forest.margin
    return lambda rows: booster.inplace_predict(rows, predict_type="margin")


if __name__ == "__main__":
    main(sys.argv[1])
