"""Where a booster is fitted: on this machine, or on the executors of a Spark cluster.

Both fit the same recipe to the same rows with the same parameters, so that everything after the fit,
calibration, threshold, evaluation and bundle, is the same code for both engines.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from fraud.errors import ConfigurationError
from fraud.lake import open_lake
from fraud.settings import Settings, SparkSettings
from fraud.training.fit import FitBooster, fit_booster
from fraud.training.imbalance import Strategy
from fraud.training.search_space import STRATEGIES, WITHOUT_RESAMPLING

Engine = Literal["local", "spark"]


def strategies_of(engine: Engine) -> tuple[Strategy, ...]:
    """The imbalance strategies that an engine supports; Spark does not search neighbours across a cluster."""
    return STRATEGIES if engine == "local" else WITHOUT_RESAMPLING


@contextmanager
def booster_fitter(settings: Settings) -> Iterator[FitBooster]:
    """A function that fits boosters with the engine of the settings; a Spark session ends with the block.

    Raises:
        ConfigurationError: Spark does not start, or has fewer cores than the workers need.
    """
    training = settings.training
    if training.engine == "local":
        yield fit_booster
        return
    from fraud.spark import spark_session
    from fraud.training.spark_engine import SparkFit

    with spark_session(_with_cores(settings.spark, training.threads)) as spark:
        require_worker_slots(settings, spark.sparkContext.defaultParallelism)
        yield SparkFit(settings.loaded_definitions, spark, open_lake(settings), training.spark_workers)


def require_worker_slots(settings: Settings, cores: int) -> None:
    """Stop when the cluster has too few cores to run all workers at once, as XGBoost requires.

    Raises:
        ConfigurationError: names how many fit.
    """
    training, slots = settings.training, cores // settings.training.threads
    if slots < training.spark_workers:
        raise ConfigurationError(
            f"FRAUD_TRAINING__SPARK_WORKERS is {training.spark_workers}, but {settings.spark.master} has "
            f"cores for {slots} workers of FRAUD_TRAINING__THREADS={training.threads}; lower either"
        )


def _with_cores(spark: SparkSettings, threads: int) -> SparkSettings:
    """XGBoost gives every worker as many threads as Spark gives cores to a task."""
    return spark.model_copy(update={"conf": {"spark.task.cpus": str(threads)} | spark.conf})
