"""The model bundle: a booster and everything that decides whether and how it may serve.

On disk it is an MLflow model of the xgboost flavour in UBJ format, so that `mlflow.xgboost.load_model` opens
it anywhere; what serving needs is in the MLmodel file's `metadata`. No pickle is read.
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import xgboost as xgb
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import FEATURE_VERSION
from fraud.errors import IncompatibleModelError
from fraud.registry.bundle_files import BundleFiles, read_files
from fraud.registry.model_features import find_columns, hashes_by_name, recorded_hashes
from fraud.training.calibration import Calibration, Identity

Rows = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]
Columns = npt.NDArray[np.int64]

METADATA_KEY = "fraud_detection"
"""The key of this project's metadata in the `metadata` of the MLmodel file."""

PROBE_TOLERANCE = 1e-5
"""How far a probe score may be off on another processor before the artifact counts as broken."""

DIGEST_DIGITS = 16

_SCORING = {"booster_sha256", "calibration", "feature_names", "feature_version", "threshold"}
"""What serving scores and decides by; the feature hashes, too, where there are any."""


class BundleMetadata(BaseModel):
    """The metadata of a registered model; money in minor units, times in UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model_name: str
    feature_version: int
    feature_names: tuple[str, ...]
    feature_hashes: tuple[str, ...] = Field(
        default=(), description="of each feature; empty where the features are those of v1.yaml, by name"
    )
    calibration: Calibration
    threshold: float = Field(ge=0, le=1, allow_inf_nan=False, description="scores from here on are reviewed")
    policy: str = Field(description="how the threshold was chosen: cost, precision or capacity")
    policy_reason: str = ""
    train_start: datetime
    train_end: datetime
    labels_as_of: datetime = Field(description="labels reported later were not seen")
    data_fingerprint: str = Field(description="hash of the rows and labels that the model was trained on")
    params: dict[str, float | int | str | None] = Field(default_factory=dict)
    engine: str = Field(default="local", description="where the booster was fitted: local or spark")
    metrics: dict[str, float] = Field(default_factory=dict)
    code_version: str
    created_at: datetime
    booster_sha256: str
    probe_scores: tuple[float, ...] = Field(description="the scores of `probe_rows`")

    @model_validator(mode="after")
    def _names_every_hash(self) -> Self:
        if self.feature_hashes and len(self.feature_hashes) != len(self.feature_names):
            raise ValueError("feature_hashes are not as many as feature_names")
        return self


@dataclass(frozen=True)
class ModelBundle:
    """A booster ready to score.

    Attributes:
        booster: the trees.
        metadata: what else decides how it scores, and where it comes from.
        version: the registry's number, empty before registration. A registry that starts from nothing
            gives it to another model: a model is identified by its `digest`.
        run_id: MLflow's run that made it, empty where that is unknown.
        files: what it was read from; None of one that was made here.
        record: the signed record of its promotion, by which it was trusted; empty where none was asked for.
    """

    booster: xgb.Booster = field(repr=False)
    metadata: BundleMetadata
    version: str = ""
    run_id: str = ""
    files: BundleFiles | None = field(default=None, repr=False, compare=False)
    record: str = field(default="", repr=False, compare=False)

    def __post_init__(self) -> None:
        # One thread beats several on micro-batches, and never competes with the engine's own.
        self.booster.set_param({"nthread": 1})

    @cached_property
    def digest(self) -> str:
        """Hash of the trees and of all that decides about scores, 16 hex digits; it identifies the model."""
        hashes = {"feature_hashes"} if self.metadata.feature_hashes else set()
        scoring = self.metadata.model_dump(mode="json", include=_SCORING | hashes)
        return _sha256(json.dumps(scoring, sort_keys=True).encode())[:DIGEST_DIGITS]

    @property
    def threshold(self) -> float:
        """Scores from here on are reviewed."""
        return self.metadata.threshold

    def columns(self, definitions: Definitions) -> Columns:
        """Where the model's features are among those of the definitions, int64 (F,).

        Raises:
            IncompatibleModelError: names the features that nothing computes, or computes differently.
        """
        wanted = hashes_by_name(self.metadata.feature_names, self.metadata.feature_hashes)
        try:
            return find_columns(wanted, definitions)
        except LookupError as error:
            raise IncompatibleModelError(
                f"{describe(self)} wants {error}; serve it with the definitions that it was trained with, or "
                "train a new model"
            ) from error

    def selection(self, definitions: Definitions) -> Columns | None:
        """`columns`; None where they are all features of the definitions as they are.

        Raises:
            IncompatibleModelError: likewise.
        """
        columns = self.columns(definitions)
        return None if np.array_equal(columns, np.arange(len(definitions.features))) else columns

    def select(self, definitions: Definitions, rows: Rows) -> Rows:
        """The model's columns of rows with all features of the definitions, (N, F) each.

        The rows themselves where the model takes all of them, a copy otherwise.

        Raises:
            IncompatibleModelError: names the features that nothing computes, or computes differently.
        """
        columns = self.selection(definitions)
        return rows if columns is None else np.ascontiguousarray(rows[:, columns])

    def score(self, rows: Rows) -> Scores:
        """Calibrated fraud probabilities, shape (N,), of feature rows, shape (N, F), NaN = unknown.

        A row's score does not depend on the rows it comes with.
        """
        return calibrated(self.booster, self.metadata.calibration, rows)

    def contributions(self, rows: Rows) -> Rows:
        """Each feature's share (SHAP) in the log-odds, shape (N, F), before calibration."""
        matrix = xgb.DMatrix(rows, feature_names=list(self.metadata.feature_names), nthread=1)
        return np.asarray(self.booster.predict(matrix, pred_contribs=True)[:, :-1], dtype=np.float32)

    def verify(self) -> Self:
        """Score the probe rows and compare with their scores at training.

        Raises:
            IncompatibleModelError: the scores differ, so this is not the model that was evaluated.
        """
        scores = self.score(probe_rows(len(self.metadata.feature_names)))
        expected = np.asarray(self.metadata.probe_scores)
        if scores.shape != expected.shape or not np.allclose(scores, expected, rtol=0, atol=PROBE_TOLERANCE):
            raise IncompatibleModelError(
                f"{describe(self)} does not reproduce the scores of its training; train and register it again"
            )
        return self


def calibrated(booster: xgb.Booster, calibration: Calibration, rows: Rows) -> Scores:
    """The calibrated probabilities of `rows`, shape (N, F)."""
    if not len(rows):
        return np.empty(0)
    margin = booster.inplace_predict(np.ascontiguousarray(rows, dtype=np.float32), predict_type="margin")
    return calibration.apply(np.asarray(margin, dtype=np.float64))


def probe_rows(features: int) -> Rows:
    """A fixed matrix, shape (16, features), with every magnitude and some unknowns."""
    random = np.random.Generator(np.random.PCG64(2_718))
    rows = random.lognormal(mean=2.0, sigma=3.0, size=(16, features)).astype(np.float32)
    rows[random.random(rows.shape) < 0.2] = np.nan
    return rows


def make_bundle(
    definitions: Definitions,
    booster: xgb.Booster,
    *,
    model_name: str,
    threshold: float,
    calibration: Calibration | None = None,
    feature_names: tuple[str, ...] | None = None,
    policy: str = "cost",
    **fields: Any,
) -> ModelBundle:
    """A bundle of `booster`.

    Args:
        definitions: of its features.
        booster: the trees.
        model_name: the registry's name of it.
        threshold: scores from here on are reviewed.
        calibration: of its scores; default none.
        feature_names: its features, in the order of its columns; default all of the definitions.
        policy: how the threshold was chosen.
        fields: further ones of `BundleMetadata`; times default to now.
    """
    calibration = calibration or Identity()
    names = definitions.feature_names if feature_names is None else feature_names
    booster.set_param({"nthread": 1})
    now = datetime.now(UTC)
    defaults: dict[str, Any] = {
        "train_start": now,
        "train_end": now,
        "labels_as_of": now,
        "data_fingerprint": "",
        "code_version": "",
        "created_at": now,
        "feature_version": FEATURE_VERSION,
        "feature_hashes": recorded_hashes(definitions, names),
    }
    metadata = BundleMetadata(
        model_name=model_name,
        threshold=threshold,
        calibration=calibration,
        feature_names=names,
        policy=policy,
        booster_sha256=_sha256(bytes(booster.save_raw("ubj"))),
        probe_scores=tuple(calibrated(booster, calibration, probe_rows(len(names))).tolist()),
        **(defaults | fields),
    )
    return ModelBundle(booster, metadata)


def flavour_arguments(bundle: ModelBundle) -> dict[str, Any]:
    """The arguments that `mlflow.xgboost.save_model` and `log_model` take for a bundle."""
    return {
        "model_format": "ubj",
        "metadata": {METADATA_KEY: _as_written(bundle.metadata)},
        # Stated, because MLflow would otherwise infer them by loading the model in another process.
        "pip_requirements": [f"xgboost=={xgb.__version__}"],
    }


def _as_written(metadata: BundleMetadata) -> dict[str, Any]:
    """Without an empty list of hashes, so that earlier releases read the models of v1.yaml."""
    return metadata.model_dump(mode="json", exclude=set() if metadata.feature_hashes else {"feature_hashes"})


def write_bundle(bundle: ModelBundle, folder: Path) -> None:
    """Write the bundle as an MLflow model into `folder`, which must not exist."""
    import mlflow.xgboost

    mlflow.xgboost.save_model(bundle.booster, str(folder), **flavour_arguments(bundle))


def read_bundle(folder: Path, version: str = "", run_id: str = "") -> ModelBundle:
    """The bundle in an MLflow model's folder, checked against its checksum.

    Args:
        folder: where it is.
        version: the registry's number.
        run_id: where the folder does not name the run.

    Raises:
        IncompatibleModelError: this project did not make it, or it is broken.
    """
    return parse_bundle(read_files(folder), version, run_id)


def parse_bundle(files: BundleFiles, version: str = "", run_id: str = "") -> ModelBundle:
    """The bundle in files, checked against its checksum.

    Raises:
        IncompatibleModelError: this project did not make it, or it is broken.
    """
    metadata, logged_by = _parse_metadata(files)
    if _sha256(files.trees) != metadata.booster_sha256:
        raise IncompatibleModelError(
            f"{files.trees_name} does not match its checksum (truncated or altered); register it again"
        )
    try:
        booster = xgb.Booster(model_file=bytearray(files.trees))
    except xgb.core.XGBoostError as error:
        raise IncompatibleModelError(
            f"XGBoost {xgb.__version__} cannot read the model in {files.place}; train it again"
        ) from error
    return ModelBundle(booster, metadata, version, logged_by or run_id, files)


def check_compatible(bundle: ModelBundle, definitions: Definitions) -> ModelBundle:
    """The bundle, if the definitions compute all its features.

    Raises:
        IncompatibleModelError: it needs another feature version, or features that nothing computes.
    """
    metadata = bundle.metadata
    if metadata.feature_version != FEATURE_VERSION:
        raise IncompatibleModelError(
            f"{describe(bundle)} needs feature version {metadata.feature_version}, this code computes "
            f"{FEATURE_VERSION}; train a new model"
        )
    if bundle.booster.num_features() != len(metadata.feature_names):
        raise IncompatibleModelError(
            f"{describe(bundle)} takes {bundle.booster.num_features()} columns, its metadata name "
            f"{len(metadata.feature_names)}; register it again"
        )
    bundle.columns(definitions)
    return bundle


def describe(bundle: ModelBundle) -> str:
    """The bundle's name and version, for messages."""
    return f"model {bundle.metadata.model_name!r} version {bundle.version or '(unregistered)'}"


def _parse_metadata(files: BundleFiles) -> tuple[BundleMetadata, str]:
    """The metadata of the files, and the run that logged the model, empty if there was none."""
    try:
        model = yaml.safe_load(files.description.decode())
        return BundleMetadata.model_validate(model["metadata"][METADATA_KEY]), str(model.get("run_id") or "")
    except (UnicodeError, yaml.YAMLError, KeyError, TypeError) as error:
        raise IncompatibleModelError(
            f"the model in {files.place} was not made by this project (no {METADATA_KEY} metadata); "
            "register one that `flows/train.py` made"
        ) from error
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise IncompatibleModelError(
            f"the metadata of the model in {files.place} are not usable "
            f"({'.'.join(map(str, fault['loc']))}: {fault['msg']}); train it again"
        ) from error


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
