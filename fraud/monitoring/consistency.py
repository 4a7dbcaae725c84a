"""Do serving and the offline path agree on the features? Equality, not a tolerance."""

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.features.spec import FEATURE_NAMES, KERNEL_FEATURES
from fraud.monitoring.predictions import Predictions

_KERNEL = len(KERNEL_FEATURES)


@dataclass(frozen=True)
class OfflineRows:
    """The lake's training rows of the predictions' days.

    Attributes:
        ids: transaction_id of every row, N.
        timestamps: event times in ms, int64 (N,).
        sampled_ids: transaction_id of the rows whose prediction carries features, M.
        rows: their features, float32 (M, F).
        profile_dates: theirs, M.
    """

    ids: pa.Array
    timestamps: npt.NDArray[np.int64]
    sampled_ids: pa.Array
    rows: npt.NDArray[np.float32]
    profile_dates: pa.Array


@dataclass(frozen=True)
class Consistency:
    """What was compared and where serving and the lake disagree; all but the first three should be 0.

    Attributes:
        compared: sampled predictions that have a training row.
        pending: sampled predictions that the lake need not have yet.
        stale_profiles: compared by the card's features alone, as serving had another day's profile.
        mismatched: compared ones with a feature that differs.
        missing: training rows without a prediction.
        extra: sampled predictions without a training row.
        features: names of the features that differ.
    """

    compared: int
    pending: int
    stale_profiles: int
    mismatched: int
    missing: int
    extra: int
    features: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """All but the names."""
        return {name: value for name, value in asdict(self).items() if name != "features"}


def compare(predictions: Predictions, offline: OfflineRows, lateness_ms: int) -> Consistency:
    """Hold the sampled predictions against the training rows, by transaction_id.

    Card features must be equal to the bit; those of the merchant's profile where both used the profile of
    the same day. What may still be on its way to the lake, or was scored before the first prediction that
    we see, is not counted: whatever is more than `lateness_ms` behind the newest has arrived.
    """
    ids = predictions.ids.take(pa.array(predictions.sampled))
    place = pc.index_in(ids, value_set=offline.sampled_ids)
    there = pc.is_valid(place).to_numpy(zero_copy_only=False)
    index = place.drop_null().to_numpy().astype(np.int64)
    same_profile = _same(
        predictions.profile_dates.filter(pa.array(there)), offline.profile_dates.take(pa.array(index))
    )
    differs = _differs(predictions.rows[there], offline.rows[index])
    differs[:, _KERNEL:] &= same_profile[:, np.newaxis]
    newest = int(offline.timestamps.max(initial=0))
    arrived = predictions.timestamps[predictions.sampled] < newest - lateness_ms
    return Consistency(
        compared=int(there.sum()),
        pending=int((~there & ~arrived).sum()),
        stale_profiles=int((~same_profile).sum()),
        mismatched=int(differs.any(axis=1).sum()),
        missing=_unpredicted(predictions, offline, lateness_ms),
        extra=int((~there & arrived).sum()),
        features=tuple(FEATURE_NAMES[column] for column in np.flatnonzero(differs.any(axis=0))),
    )


def _unpredicted(predictions: Predictions, offline: OfflineRows, lateness_ms: int) -> int:
    if not len(predictions):
        return 0
    first, last = predictions.timestamps.min() + lateness_ms, predictions.timestamps.max() - lateness_ms
    within = (offline.timestamps >= first) & (offline.timestamps < last)
    known = pc.is_in(offline.ids, value_set=predictions.ids).to_numpy(zero_copy_only=False)
    return int((within & ~known).sum())


def _differs(online: npt.NDArray[np.float32], offline: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    return np.asarray((online != offline) & ~(np.isnan(online) & np.isnan(offline)), dtype=np.bool_)


def _same(first: pa.Array, second: pa.Array) -> npt.NDArray[np.bool_]:
    """Equal, or both unknown."""
    equal = pc.equal(first.fill_null(""), second.fill_null(""))
    return np.asarray(equal.to_numpy(zero_copy_only=False), dtype=np.bool_)
