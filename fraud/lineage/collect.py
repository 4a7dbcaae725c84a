"""Lineage of one prediction: model version, run, code, data, features, contributions, label reports."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.errors import FraudError, IncompatibleModelError
from fraud.kafka.key_sample import partitions_of_card, split_note
from fraud.lake import open_lake
from fraud.lineage.features import FeatureVector, definitions_of, find_features
from fraud.lineage.find import find_prediction
from fraud.lineage.labels import LabelReport, find_labels
from fraud.lineage.rule_reasons import find_rule_reasons
from fraud.preprocess.days import features_dataset
from fraud.registry.bundle import BundleMetadata, ModelBundle, check_compatible
from fraud.registry.trust.loading import fetch_once_promoted
from fraud.registry.versions import RegisteredVersion, get_version, list_versions
from fraud.schema import Prediction
from fraud.settings import Settings

_T = TypeVar("_T")


@dataclass(frozen=True)
class ModelOrigin:
    """The model that made a prediction: its registered version and the metadata of its bundle."""

    registered: RegisteredVersion
    metadata: BundleMetadata


@dataclass(frozen=True)
class PredictionLineage:
    """A prediction and what it was made from.

    Attributes:
        prediction: as it is on the topic.
        origin: the model, None where the registry does not have it.
        features: the scored features, None where they were not stored.
        contributions: SHAP value of each feature, in log-odds before calibration, float32 (F,), or None; 0 of
            one that the model does not take.
        recomputed_score: the score of the registered model for these features, or None.
        reports: label reports in the lake, oldest first.
        is_fraud: the label now, None without a usable report.
        rule_reasons: the reasons of the rules of the policy that decided, by name.
        notes: what is missing, and why.
    """

    prediction: Prediction
    origin: ModelOrigin | None = None
    features: FeatureVector | None = None
    contributions: npt.NDArray[np.float32] | None = None
    recomputed_score: float | None = None
    reports: tuple[LabelReport, ...] = ()
    is_fraud: bool | None = None
    rule_reasons: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def collect_lineage(settings: Settings, transaction_id: str, card_id: str | None = None) -> PredictionLineage:
    """Collect the lineage of a prediction; what a server does not have becomes a note.

    Raises:
        NoPredictionError: the topic has no prediction on the transaction.
        AmbiguousIdError: no card is given, and payments of several cards have the id.
        UnreachableError: Kafka does not answer.
    """
    current = settings.loaded_definitions
    prediction, notes = find_prediction(settings, transaction_id, card_id), list[str]()
    lake = _or_note(notes, lambda: open_lake(settings))
    features = _or_note(notes, lambda: find_features(current, prediction, lake)) if lake else None
    if features is None and not notes:
        notes.append(_why_no_features(prediction, current))
    elif features is not None:
        notes += _other_profiles(prediction, features)
    split = _or_note(notes, lambda: partitions_of_card(settings, prediction.card_id, prediction.timestamp))
    notes += filter(None, [split_note(split or {})])
    named = _with_model_name(settings, prediction.model_name)
    origin, bundle = _or_note(notes, lambda: _origin(named, prediction)) or (None, None)
    explanation = _explain(notes, bundle, features)
    labels = _or_note(notes, lambda: find_labels(settings, lake, prediction)) if lake else None
    notes += labels.notes if labels else ()
    rule_reasons = _or_note(notes, lambda: find_rule_reasons(settings, prediction))
    return PredictionLineage(
        prediction=prediction,
        origin=origin,
        features=features,
        contributions=explanation[0] if explanation else None,
        recomputed_score=explanation[1] if explanation else None,
        reports=labels.reports if labels else (),
        is_fraud=labels.is_fraud if labels else None,
        rule_reasons=rule_reasons or {},
        notes=tuple(notes),
    )


def as_document(found: PredictionLineage) -> dict[str, Any]:
    """The lineage as JSON holds it."""
    return {
        "prediction": msgspec.to_builtins(found.prediction),
        "model": _model_document(found.origin) if found.origin else None,
        "features": _by_name(found.features.definitions, found.features.values) if found.features else None,
        "features_from": found.features.source if found.features else None,
        "features_profile_date": found.features.profile_date if found.features else None,
        "features_profile_moment": found.features.profile_moment if found.features else None,
        "contributions": _contributions_by_name(found),
        "score_again": found.recomputed_score,
        "labels": [
            {"is_fraud": one.is_fraud, "reported_at": one.reported_at, "source": one.source}
            for one in found.reports
        ],
        "is_fraud": found.is_fraud,
        "rule_reasons": dict(found.rule_reasons),
        "notes": list(found.notes),
    }


def _contributions_by_name(found: PredictionLineage) -> dict[str, float | None] | None:
    if found.features is None or found.contributions is None:
        return None
    return _by_name(found.features.definitions, found.contributions)


def _model_document(origin: ModelOrigin) -> dict[str, Any]:
    metadata, registered = origin.metadata, origin.registered
    return {
        "name": metadata.model_name,
        "version": registered.version,
        "digest": registered.digest,
        "aliases": list(registered.aliases),
        "reason": registered.reason,
        "run_id": registered.run_id,
        **metadata.model_dump(
            mode="json",
            include={
                "code_version", "data_fingerprint", "feature_version", "params", "metrics", "policy",
                "policy_reason", "threshold", "train_start", "train_end", "labels_as_of", "created_at",
            },
        ),
    }  # fmt: skip


def _origin(settings: Settings, prediction: Prediction) -> tuple[ModelOrigin, ModelBundle]:
    registered = _registered(settings, prediction)
    if registered is None:
        raise FraudError(
            f"version {prediction.model_version} of {prediction.model_name!r} is not in the registry any more"
        )
    bundle = fetch_once_promoted(settings, registered.version)
    if prediction.model_digest not in (None, bundle.digest):
        raise FraudError(
            f"version {prediction.model_version} of {prediction.model_name!r} in the registry is the model "
            f"{bundle.digest}; the one that scored, {prediction.model_digest}, is not in it any more"
        )
    return ModelOrigin(registered, bundle.metadata), bundle


def _registered(settings: Settings, prediction: Prediction) -> RegisteredVersion | None:
    """The version that scored; found by its digest where it has another number in the registry now."""
    found = get_version(settings, prediction.model_version)
    if prediction.model_digest is None or (found and found.digest == prediction.model_digest):
        return found
    same = (one for one in list_versions(settings) if one.digest == prediction.model_digest)
    return next(same, found)


def _explain(
    notes: list[str], bundle: ModelBundle | None, features: FeatureVector | None
) -> tuple[npt.NDArray[np.float32], float] | None:
    if bundle is None or features is None:
        return None
    try:
        check_compatible(bundle, features.definitions)
    except IncompatibleModelError as error:
        notes.append(str(error))
        return None
    row = bundle.select(features.definitions, features.values[np.newaxis])
    shares = np.zeros(len(features.values), dtype=np.float32)
    shares[bundle.columns(features.definitions)] = bundle.contributions(row)[0]
    return shares, float(bundle.score(row)[0])


def _why_no_features(prediction: Prediction, current: Definitions) -> str:
    definitions = definitions_of(prediction, current)
    if definitions is None:
        return (
            f"the features follow the definitions {prediction.definitions or prediction.feature_version}, "
            f"not those of {current.source} ({current.digest}); set FRAUD_DEFINITIONS to the file that served"
        )
    return (
        f"the features were not stored: FRAUD_SERVING__FEATURE_SAMPLE did not select this transaction, and "
        f"the lake has no training row for it in {features_dataset(definitions)}; flows/ingest.py and "
        "flows/preprocess.py create one"
    )


def _other_profiles(prediction: Prediction, features: FeatureVector) -> list[str]:
    """Where the training row had other profiles than serving."""
    row = "the features are those of the training row, with the"
    notes = []
    if features.profile_date != prediction.profile_date:
        notes.append(
            f"{row} merchant profile of {features.profile_date or 'no day'}; serving used that of "
            f"{prediction.profile_date or 'no day'}"
        )
    if features.profile_moment != prediction.profile_moment:
        notes.append(
            f"{row} profiles of {_moment(features.profile_moment)}; serving used those of "
            f"{_moment(prediction.profile_moment)}"
        )
    return notes


def _moment(time_ms: int | None) -> str:
    if time_ms is None:
        return "no moment"
    return f"{datetime.fromtimestamp(time_ms / 1_000, UTC):%Y-%m-%d %H:%M} UTC"


def _by_name(definitions: Definitions, values: npt.NDArray[np.float32]) -> dict[str, float | None]:
    return {
        name: None if np.isnan(value) else float(value)
        for name, value in zip(definitions.feature_names, values, strict=True)
    }


def _or_note(notes: list[str], call: Callable[[], _T]) -> _T | None:
    """The result of the call; on an error None, and a note."""
    try:
        return call()
    except FraudError as error:
        notes.append(str(error))
        return None


def _with_model_name(settings: Settings, model_name: str) -> Settings:
    registry = settings.registry.model_copy(update={"model_name": model_name})
    return settings.model_copy(update={"registry": registry})
