"""Fitting with XGBoost's Spark estimator: the rows go from the lake to the executors, not through here.

The driver's dataset defines which rows these are, by its period, which of them are frauds, which have no
observed outcome, and which stand for several payments. So what was known at the time of training is decided
in one place for both engines.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xgboost as xgb
from pyspark import Broadcast
from pyspark.sql import DataFrame, SparkSession, functions
from xgboost.spark import SparkXGBClassifier

from fraud.definitions.definitions import Definitions
from fraud.errors import ConfigurationError, DataError
from fraud.lake import Lake
from fraud.preprocess.days import feature_files
from fraud.spark import spread
from fraud.training.contracts.rows import require_both_classes
from fraud.training.dataset import Dataset, as_feature
from fraud.training.fit import base_score, training_rows
from fraud.training.search_space import WITHOUT_RESAMPLING, Recipe

LABEL = "is_fraud"
WEIGHT = "weight"


@dataclass(frozen=True)
class SparkFit:
    """Fits boosters on `workers` executors of a session, from the feature rows of a lake."""

    definitions: Definitions
    spark: SparkSession
    lake: Lake
    workers: int

    def __call__(self, train: Dataset, recipe: Recipe, *, seed: int, threads: int) -> xgb.Booster:
        """A booster fitted on the lake's rows of the period of `train`; `threads` are those of each worker.

        Raises:
            ConfigurationError: the recipe resamples.
            DataError: one class only, or the lake has changed since `train` was read.
        """
        if recipe.imbalance.strategy not in WITHOUT_RESAMPLING:
            raise ConfigurationError(
                f"the imbalance strategy {recipe.imbalance.strategy!r} looks for neighbours among all rows, "
                "which the engine 'spark' cannot; train with --engine local"
            )
        require_both_classes(train, "the training period")
        prior = base_score(training_rows(train))
        params = recipe.booster_params(base_score=prior, seed=seed, threads=threads)
        with self._rows(train) as rows:
            _require_same(rows, train)
            weighted = train.weights is not None
            estimator = _estimator(params, recipe.rounds, train.feature_names, self.workers, weighted)
            model = estimator.fit(rows)
        return _plain_booster(model.get_booster(), train.feature_names)

    @contextmanager
    def _rows(self, train: Dataset) -> Iterator[DataFrame]:
        """Label and features of every row, in as many partitions as there are workers, read once."""
        first, last = int(train.timestamps[0]), int(train.timestamps[-1])
        files = feature_files(self.definitions, self.lake, _day(first), _day(last))
        paths = _interleaved(files, self.workers)
        marked = self.spark.sparkContext.broadcast(_MarkedRows.of(train))
        reader = _Reader(self.lake, first, last, train.feature_names, marked)
        features = [(name, pa.float32()) for name in train.feature_names]
        weight = [] if train.weights is None else [(WEIGHT, pa.float64())]
        schema = pa.schema([(LABEL, pa.int8()), *weight, *features])
        rows = spread(self.spark, paths, reader, schema, slices=self.workers).persist()
        try:
            yield rows
        finally:
            rows.unpersist()
            marked.destroy()


@dataclass(frozen=True)
class _MarkedRows:
    """The keys of rows that are not legitimate payments that stand for themselves.

    `weights` are those of the rows `weighted`; None where no row has one.
    """

    frauds: pa.Array
    unobserved: pa.Array
    weighted: pa.Array
    weights: pa.Array | None

    @classmethod
    def of(cls, train: Dataset) -> "_MarkedRows":
        """Those of a dataset."""
        weights = np.ones(len(train)) if train.weights is None else train.weights
        left_out = train.identity.slice(0, 0) if train.unobserved is None else train.unobserved
        return cls(
            _frauds(train),
            _payment_keys(left_out).combine_chunks(),
            _keys_where(train, weights != 1),
            None if train.weights is None else pa.array(weights[weights != 1]),
        )

    def columns(self, keys: pa.ChunkedArray) -> dict[str, pa.ChunkedArray]:
        """Label and, if rows have some, weight of the rows with these keys."""
        labels = {LABEL: pc.is_in(keys, value_set=self.frauds).cast(pa.int8())}
        if self.weights is None:
            return labels
        places = pc.index_in(keys, value_set=self.weighted)
        return labels | {WEIGHT: pc.fill_null(self.weights.take(places.combine_chunks()), 1.0)}


@dataclass(frozen=True)
class _Reader:
    """Reads one file of the lake on an executor; `first` and `last` are event times in ms."""

    lake: Lake
    first: int
    last: int
    feature_names: tuple[str, ...]
    marked: "Broadcast[_MarkedRows]"

    def __call__(self, path: str) -> Iterator[pa.RecordBatch]:
        """Label, weight and features of the file's rows within the period."""
        marked = self.marked.value
        columns = ["transaction_id", "card_id", "timestamp", *self.feature_names]
        table = self.lake.read_table(path, columns)
        times = table["timestamp"].cast(pa.int64())
        inside = pc.and_(pc.greater_equal(times, self.first), pc.less_equal(times, self.last))
        table = table.filter(inside)
        table = table.filter(pc.invert(pc.is_in(_payment_keys(table), value_set=marked.unobserved)))
        features = {name: as_feature(table[name]) for name in self.feature_names}
        yield from pa.table({**marked.columns(_payment_keys(table)), **features}).to_batches()


def _estimator(
    params: dict[str, object], rounds: int, features: tuple[str, ...], workers: int, weighted: bool
) -> SparkXGBClassifier:
    """The estimator with every parameter of the recipe; threads follow from Spark's cores a task."""
    others = {name: value for name, value in params.items() if name not in ("seed", "nthread", "objective")}
    # It evaluates the training rows after every round; ranking millions would cost more than a tree.
    others["eval_metric"] = "logloss"
    if weighted:
        others["weight_col"] = WEIGHT
    return SparkXGBClassifier(
        features_col=list(features),
        label_col=LABEL,
        num_workers=workers,
        n_estimators=rounds,
        random_state=params["seed"],
        missing=math.nan,
        verbose=False,
        **others,
    )


def _plain_booster(booster: xgb.Booster, features: tuple[str, ...]) -> xgb.Booster:
    """The booster alone, without what the estimator keeps in it."""
    plain = xgb.Booster(model_file=bytearray(booster.save_raw("ubj")))
    plain.set_attr(**dict.fromkeys(plain.attributes()))
    plain.feature_names = list(features)
    return plain


def _require_same(rows: DataFrame, train: Dataset) -> None:
    # Not by groups: they would be shuffled to 200 tasks.
    count, frauds = rows.agg(functions.count(LABEL), functions.sum(LABEL)).collect()[0]
    if (count, frauds or 0) != (len(train), train.frauds):
        raise DataError(
            f"the lake now holds {count} rows with {frauds or 0} frauds, where training "
            f"began with {len(train)} and {train.frauds}: another run has written to it; train again"
        )


def _frauds(train: Dataset) -> pa.Array:
    return _keys_where(train, train.labels == 1)


def _keys_where(train: Dataset, chosen: npt.NDArray[np.bool_]) -> pa.Array:
    return _payment_keys(train.identity.filter(pa.array(chosen))).combine_chunks()


def _payment_keys(table: pa.Table) -> pa.ChunkedArray:
    """Card and identifier of each row: an identifier alone may have been used on two cards."""
    cards, ids = (table[name].cast(pa.string()) for name in ("card_id", "transaction_id"))
    return pc.binary_join_element_wise(cards, ids, "\0")


def _interleaved(paths: list[str], workers: int) -> list[str]:
    """The paths in an order in which equal slices of them hold days from the whole period."""
    return [path for worker in range(workers) for path in paths[worker::workers]]


def _day(moment: int) -> date:
    return datetime.fromtimestamp(moment / 1_000, UTC).date()
