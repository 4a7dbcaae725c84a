"""One prediction and its whole descent: model version, run, code, data, features, reasons, verdicts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from fraud.errors import FraudError, IncompatibleModelError
from fraud.features.spec import FEATURE_NAMES
from fraud.kafka.key_sample import partitions_of_card, split_note
from fraud.lake import open_lake
from fraud.lineage.features import FeatureVector, features_of
from fraud.lineage.find import find_prediction
from fraud.lineage.labels import Verdict, labels_of
from fraud.registry.bundle import BundleMetadata, ModelBundle, check_compatible
from fraud.registry.versions import RegisteredVersion, fetch_bundle, get_version, list_versions
from fraud.schema import Prediction
from fraud.settings import Settings

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Origin:
    """The model that made a prediction: its place in the registry and what its bundle says of itself."""

    registered: RegisteredVersion
    metadata: BundleMetadata


@dataclass(frozen=True)
class Trace:
    """A prediction and what is known of how it came about.

    Attributes:
        prediction: as it stands on the topic.
        origin: of the model, or None where the registry cannot tell.
        features: what was scored, or None where nobody kept it.
        contributions: each feature's share (SHAP) in the log-odds before calibration, float32 (F,), or None.
        score_again: what the registered model gives for these features, or None.
        verdicts: reports in the lake, the oldest first.
        is_fraud: the label that they make as of now, or None without one that can be used.
        notes: what could not be told and why.
    """

    prediction: Prediction
    origin: Origin | None = None
    features: FeatureVector | None = None
    contributions: npt.NDArray[np.float32] | None = None
    score_again: float | None = None
    verdicts: tuple[Verdict, ...] = ()
    is_fraud: bool | None = None
    notes: tuple[str, ...] = ()


def trace(settings: Settings, transaction_id: str, card_id: str | None = None) -> Trace:
    """Follow a prediction back; what one of the servers cannot tell is a note.

    Raises:
        NoPredictionError: there is no prediction on the transaction.
        AmbiguousIdError: no card is given, and the id was used for payments of several.
        UnreachableError: Kafka does not answer.
    """
    prediction, notes = find_prediction(settings, transaction_id, card_id), list[str]()
    lake = _told(notes, lambda: open_lake(settings))
    features = _told(notes, lambda: features_of(prediction, lake)) if lake else None
    if features is None and not notes:
        notes.append(_why_no_features(prediction))
    elif features is not None and features.profile_date != prediction.profile_date:
        notes.append(
            f"the features are those of the training row, with the merchant's profile of "
            f"{features.profile_date or 'no day'}; serving had that of {prediction.profile_date or 'no day'}"
        )
    split = _told(notes, lambda: partitions_of_card(settings, prediction.card_id, prediction.timestamp))
    notes += filter(None, [split_note(split or {})])
    named = _named(settings, prediction.model_name)
    origin, bundle = _told(notes, lambda: _origin(named, prediction)) or (None, None)
    explained = _explained(notes, bundle, features)
    labels = _told(notes, lambda: labels_of(settings, lake, prediction)) if lake else None
    notes += labels.notes if labels else ()
    return Trace(
        prediction=prediction,
        origin=origin,
        features=features,
        contributions=explained[0] if explained else None,
        score_again=explained[1] if explained else None,
        verdicts=labels.verdicts if labels else (),
        is_fraud=labels.is_fraud if labels else None,
        notes=tuple(notes),
    )


def as_document(found: Trace) -> dict[str, Any]:
    """The trace as JSON holds it."""
    return {
        "prediction": msgspec.to_builtins(found.prediction),
        "model": _model_document(found.origin) if found.origin else None,
        "features": _by_name(found.features.values) if found.features else None,
        "features_from": found.features.source if found.features else None,
        "features_profile_date": found.features.profile_date if found.features else None,
        "contributions": None if found.contributions is None else _by_name(found.contributions),
        "score_again": found.score_again,
        "labels": [
            {"is_fraud": one.is_fraud, "reported_at": one.reported_at, "source": one.source}
            for one in found.verdicts
        ],
        "is_fraud": found.is_fraud,
        "notes": list(found.notes),
    }


def _model_document(origin: Origin) -> dict[str, Any]:
    told, registered = origin.metadata, origin.registered
    return {
        "name": told.model_name,
        "version": registered.version,
        "digest": registered.digest,
        "aliases": list(registered.aliases),
        "reason": registered.reason,
        "run_id": registered.run_id,
        **told.model_dump(
            mode="json",
            include={
                "code_version", "data_fingerprint", "feature_version", "params", "metrics", "policy",
                "policy_reason", "threshold", "train_start", "train_end", "labels_as_of", "created_at",
            },
        ),
    }  # fmt: skip


def _origin(settings: Settings, prediction: Prediction) -> tuple[Origin, ModelBundle]:
    registered = _registered(settings, prediction)
    if registered is None:
        raise FraudError(
            f"version {prediction.model_version} of {prediction.model_name!r} is not in the registry any more"
        )
    bundle = fetch_bundle(settings, registered.version)
    if prediction.model_digest not in (None, bundle.digest):
        raise FraudError(
            f"version {prediction.model_version} of {prediction.model_name!r} in the registry is the model "
            f"{bundle.digest}; the one that scored, {prediction.model_digest}, is not in it any more"
        )
    return Origin(registered, bundle.metadata), bundle


def _registered(settings: Settings, prediction: Prediction) -> RegisteredVersion | None:
    """The version that scored: by its digest where the registry calls it by another number now."""
    found = get_version(settings, prediction.model_version)
    if prediction.model_digest is None or (found and found.digest == prediction.model_digest):
        return found
    same = (one for one in list_versions(settings) if one.digest == prediction.model_digest)
    return next(same, found)


def _explained(
    notes: list[str], bundle: ModelBundle | None, features: FeatureVector | None
) -> tuple[npt.NDArray[np.float32], float] | None:
    if bundle is None or features is None:
        return None
    try:
        check_compatible(bundle)
    except IncompatibleModelError as error:
        notes.append(str(error))
        return None
    row = features.values[np.newaxis]
    return bundle.contributions(row)[0], float(bundle.score(row)[0])


def _why_no_features(prediction: Prediction) -> str:
    return (
        f"the features were not kept: FRAUD_SERVING__FEATURE_SAMPLE did not choose this transaction, and the "
        f"lake has no training row of it in version {prediction.feature_version}; flows/ingest.py and "
        "flows/preprocess.py make one"
    )


def _by_name(values: npt.NDArray[np.float32]) -> dict[str, float | None]:
    return {
        name: None if np.isnan(value) else float(value)
        for name, value in zip(FEATURE_NAMES, values, strict=True)
    }


def _told(notes: list[str], ask: Callable[[], _Answer]) -> _Answer | None:
    """The answer, or None and a note."""
    try:
        return ask()
    except FraudError as error:
        notes.append(str(error))
        return None


def _named(settings: Settings, model_name: str) -> Settings:
    registry = settings.registry.model_copy(update={"model_name": model_name})
    return settings.model_copy(update={"registry": registry})
