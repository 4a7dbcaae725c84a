"""Stateless scoring in Spark Structured Streaming; a process of its own, which the benchmark ends.

`python -m benchmarks.serving.spark_worker JARS` reads the settings from the environment as serving does.
"""

import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql.functions import pandas_udf

from benchmarks.serving.traffic import profiles
from fraud.admission import Admitted
from fraud.features.events import encode_transactions
from fraud.features.profiles import profile_features
from fraud.features.spec import FEATURE_VERSION
from fraud.features.store import CardStore
from fraud.modelling.cache import last_good_bundle
from fraud.schema import Prediction, Transaction, to_minor
from fraud.settings import load_settings
from serving.models import Served, serve


def main(jars: str) -> None:
    """Score every transaction until the process is ended."""
    settings = load_settings()
    spark = (
        SparkSession.builder.appName("stateless-scoring")
        .master("local[2]")
        .config("spark.jars", jars)
        .config("spark.driver.memory", "1g")
        .config("spark.ui.enabled", "false")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )
    model = str(settings.home / "serving" / "model")

    @pandas_udf("binary")  # type: ignore[untyped-decorator]
    def answer(values: pd.Series) -> pd.Series:
        return pd.Series(_answers(list(values), model), dtype=object)

    servers = settings.kafka.bootstrap_servers
    transactions = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", servers)
        .option("subscribe", settings.topics.transactions)
        .option("startingOffsets", "earliest")
        .load()
    )
    (
        transactions.select("key", answer("value").alias("value"))
        .writeStream.format("kafka")
        .option("kafka.bootstrap.servers", servers)
        .option("topic", settings.topics.predictions)
        .option("checkpointLocation", str(settings.home / "checkpoint"))
        .start()
        .awaitTermination()
    )


def _answers(values: list[bytes], model: str) -> list[bytes]:
    encode = msgspec.json.Encoder().encode
    admitted = [_admit(value) for value in values]
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


def _admit(value: bytes) -> Admitted:
    transaction = msgspec.json.decode(value, type=Transaction)
    return Admitted(transaction, to_minor(transaction.amount, transaction.currency))


def _rows(admitted: list[Admitted]) -> Any:
    kernel_rows, _ = CardStore().process(encode_transactions(admitted))
    known = np.array([_profiles()[one.transaction.merchant_id] for one in admitted], dtype=np.float64)
    return np.hstack([kernel_rows, profile_features(np.array([one.amount for one in admitted]), known)])


@lru_cache
def _served(model: str) -> Served:
    bundle = last_good_bundle(Path(model))
    assert bundle is not None
    return serve(bundle)


@lru_cache
def _profiles() -> dict[str, list[float | None]]:
    return {one.merchant_id: one.values for one in profiles()}


if __name__ == "__main__":
    main(sys.argv[1])
