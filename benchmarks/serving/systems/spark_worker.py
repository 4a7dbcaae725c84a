"""Stateless scoring in Spark Structured Streaming; a separate process, which the benchmark stops.

`python -m benchmarks.serving.systems.spark_worker JARS` reads the settings from the environment.
"""

import sys

import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql.functions import pandas_udf

from benchmarks.serving.systems.spark_scoring import score_values
from fraud.settings import load_settings


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
    def score(values: pd.Series) -> pd.Series:
        return pd.Series(score_values(list(values), model), dtype=object)

    servers = settings.kafka.bootstrap_servers
    transactions = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", servers)
        .option("subscribe", settings.topics.transactions)
        .option("startingOffsets", "earliest")
        .load()
    )
    (
        transactions.select("key", score("value").alias("value"))
        .writeStream.format("kafka")
        .option("kafka.bootstrap.servers", servers)
        .option("topic", settings.topics.predictions)
        .option("checkpointLocation", str(settings.home / "checkpoint"))
        .start()
        .awaitTermination()
    )


if __name__ == "__main__":
    main(sys.argv[1])
