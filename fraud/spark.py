"""The Spark session: local by default, quiet, with Arrow between the JVM and Python."""

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from fraud import errors
from fraud.errors import ConfigurationError, DataError, FraudError, UnreachableError
from fraud.machine.spark_environment import spark_environment
from fraud.settings import SparkSettings

_LOGGING = Path(__file__).with_name("spark-log4j2.properties")
_REGISTRATION_S = 30
_OUR_ERROR = re.compile(r"fraud\.errors\.(\w+): (.+)")


@contextmanager
def spark_session(settings: SparkSettings) -> Iterator[SparkSession]:
    """A session that ends with the block.

    Raises:
        ConfigurationError: Spark does not start.
        UnreachableError: the cluster has started no executor.
        FraudError: what a worker raised.
    """
    # Spark takes these from the process environment and from nowhere else.
    os.environ.update(spark_environment(settings.java_home))
    if settings.master.startswith("local"):
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    spark = _start(settings)
    try:
        if not settings.master.startswith("local"):
            _require_executors(spark, settings)
        with workers_errors():
            yield spark
    finally:
        spark.stop()


@contextmanager
def workers_errors() -> Iterator[None]:
    """Raise a worker's `FraudError` as it was raised there; Spark passes on its text only."""
    try:
        yield
    except PySparkException as error:
        found = _OUR_ERROR.search(str(error))
        if found is None:
            raise
        kind: type[FraudError] = getattr(errors, found[1], DataError)
        raise kind(found[2]) from error


def spread(
    spark: SparkSession,
    items: Sequence[str],
    work: Callable[[str], Iterator[pa.RecordBatch]],
    schema: pa.Schema,
    slices: int | None = None,
) -> DataFrame:
    """What `work` yields for each of the items, spread over the Python workers, by default evenly."""
    slices = slices or max(1, min(len(items), 2 * spark.sparkContext.defaultParallelism))

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield from work(items[number])

    numbers = spark.range(0, len(items), 1, slices)
    return numbers.mapInArrow(run, from_arrow_schema(schema))


def _start(settings: SparkSettings) -> SparkSession:
    builder = SparkSession.builder.appName("fraud").master(settings.master)
    for name, value in _conf(settings).items():
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except Exception as error:
        hint = "what `fraud doctor` says of Java"
        if settings.master.startswith("k8s"):
            hint = "that the run's account may create pods: Spark's log before this says what was refused"
        raise ConfigurationError(
            f"Spark does not start at {settings.master} ({_reason(error)}); check FRAUD_SPARK__* and {hint}"
        ) from error


def _reason(error: Exception) -> str:
    """The root cause: Java's own exception, where there is one."""
    cause = getattr(error, "java_exception", None)
    if cause is None:
        return f"{type(error).__name__}: {error}".partition("\n")[0]
    while cause.getCause() is not None:
        cause = cause.getCause()
    return str(cause.toString()).partition("\n")[0]


def _require_executors(spark: SparkSession, settings: SparkSettings) -> None:
    """Spark has waited for them for the configured time; a job would wait indefinitely."""
    # One that has just come shows only when its block manager has registered too.
    deadline = time.monotonic() + _REGISTRATION_S
    context = spark.sparkContext._jsc.sc()
    while context.getExecutorMemoryStatus().size() < 2:  # the driver is one of them
        if time.monotonic() < deadline:
            time.sleep(0.2)
            continue
        raise UnreachableError(
            f"Spark got no executor from {settings.master} within {settings.patience_s} s: no node has room, "
            "the image cannot be had, or the run's account may not create pods; see the namespace's events"
        )


def _conf(settings: SparkSettings) -> dict[str, str]:
    return {
        "spark.driver.memory": settings.driver_memory,
        "spark.log.level": "ERROR",
        "spark.driver.defaultJavaOptions": f"-Dlog4j2.configurationFile={_LOGGING.as_uri()}",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        # The number of tasks follows from the number of rows, which we know beforehand.
        "spark.sql.adaptive.enabled": "false",
        "spark.scheduler.maxRegisteredResourcesWaitingTime": f"{settings.patience_s}s",
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(settings.arrow_batch_rows),
    } | settings.conf
