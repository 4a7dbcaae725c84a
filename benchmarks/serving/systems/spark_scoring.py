"""Scoring in Spark's Python workers: the values of one micro-batch, without state."""

import time
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.serving.harness.traffic import profiles
from fraud.definitions.features import FEATURE_VERSION
from fraud.definitions.loading import load_definitions
from fraud.features.events import encode_transactions
from fraud.features.profiles import ProfileFeatures
from fraud.features.store import CardStore
from fraud.messages.admission import Admitted, decoder_of_admitted
from fraud.registry.cache import last_good_bundle
from fraud.schema import Prediction
from serving.models.serving_model import ServingModel, prepare_model


def score_values(values: list[bytes], model: str) -> list[bytes]:
    """Encoded predictions of encoded transactions, with the model in the folder `model`."""
    encode = msgspec.json.Encoder().encode
    admitted = [_decode()(value) for value in values]
    scores = _served(model).score(_rows(admitted))
    now_ms = int(time.time() * 1_000)
    return [encode(_prediction(*pair, now_ms)) for pair in zip(admitted, scores.tolist(), strict=True)]


def _prediction(one: Admitted, score: float, now_ms: int) -> Prediction:
    transaction = one.transaction
    return Prediction(
        transaction.transaction_id, transaction.card_id, transaction.timestamp, one.amount,
        transaction.currency, score, "review" if score >= 0.5 else "approve", 0.5, "benchmark", "1",
        FEATURE_VERSION, now_ms,
    )  # fmt: skip


@cache
def _decode() -> Callable[[bytes], Admitted]:
    return decoder_of_admitted(load_definitions())


def _rows(admitted: list[Admitted]) -> Any:
    kernel_rows, _ = CardStore(load_definitions()).process(encode_transactions(load_definitions(), admitted))
    known = np.array([_profiles()[one.transaction.merchant_id] for one in admitted], dtype=np.float64)
    return np.hstack(
        [
            kernel_rows,
            ProfileFeatures(load_definitions()).compute(np.array([one.amount for one in admitted]), known),
        ]
    )


@lru_cache
def _served(model: str) -> ServingModel:
    bundle = last_good_bundle(Path(model))
    assert bundle is not None
    return prepare_model(load_definitions(), bundle)


@lru_cache
def _profiles() -> dict[str, list[float | None]]:
    return {one.merchant_id: one.values for one in profiles()}
