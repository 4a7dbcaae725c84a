"""Do serving and the offline path agree on the features? Equality, not a tolerance."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.features.profiles import profile_features, values_of
from fraud.features.spec import FEATURE_NAMES, KERNEL_FEATURES
from fraud.monitoring.predictions import Predictions

_KERNEL = len(KERNEL_FEATURES)


@dataclass(frozen=True)
class OfflineRows:
    """The lake's training rows of the predictions' days.

    Attributes:
        ids: the payment of every row (`payment_keys`), N.
        timestamps: event times in ms, int64 (N,).
        sampled_ids: the payment of the rows whose prediction carries features, M.
        rows: their features, float32 (M, F).
        profile_dates: theirs, M.
        merchants: their merchant_id, M.
        amounts: theirs in minor units, int64 (M,).
        published: by date (YYYY-MM-DD) the versions of that day's profiles that serving can have had.
        reused: payments that were scored and have no row, since their id is another payment's.
    """

    ids: pa.Array
    timestamps: npt.NDArray[np.int64]
    sampled_ids: pa.Array
    rows: npt.NDArray[np.float32]
    profile_dates: pa.Array
    merchants: pa.Array
    amounts: npt.NDArray[np.int64]
    published: Mapping[str, Sequence[pa.Table]] = field(default_factory=dict)
    reused: pa.Array = field(default_factory=lambda: pa.array([], pa.string()))


@dataclass(frozen=True)
class Consistency:
    """What was compared and where serving and the lake disagree; all but the first three should be 0.

    Attributes:
        compared: sampled predictions that have a training row.
        pending: sampled predictions that the lake need not have yet.
        stale_profiles: compared by the card's features alone: serving had the profile of another day than the
            training row has, and the lake does not hold that one as it was published.
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
    """Hold the sampled predictions against the training rows, by card and transaction_id.

    Card features must be equal to the bit. Those of the merchant's profile must equal what one of the
    published versions of the served day gives, for a day's profiles may have been made again since; where the
    lake has none, they are compared with the training row's where both are of the same day. What may still be
    on its way to the lake, or was scored before the first prediction that we see, is not counted: everything
    that is more than `lateness_ms` behind the newest has arrived.
    """
    ids = predictions.keys.take(pa.array(predictions.sampled))
    place = pc.index_in(ids, value_set=offline.sampled_ids)
    there = pc.is_valid(place).to_numpy(zero_copy_only=False)
    index = place.drop_null().to_numpy().astype(np.int64)
    same_profile = _same(
        predictions.profile_dates.filter(pa.array(there)), offline.profile_dates.take(pa.array(index))
    )
    served, dates = predictions.rows[there], predictions.profile_dates.filter(pa.array(there))
    differs = _differs(served, offline.rows[index])
    differs[:, _KERNEL:] &= same_profile[:, np.newaxis]
    recorded = differs_from_published(served[:, _KERNEL:], dates, offline, index)
    for places, found in recorded:
        differs[places, _KERNEL:] = found
        same_profile[places] = True
    newest = int(offline.timestamps.max(initial=0))
    arrived = predictions.timestamps[predictions.sampled] < newest - lateness_ms
    has_no_row = pc.is_in(ids, value_set=offline.reused).to_numpy(zero_copy_only=False)
    return Consistency(
        compared=int(there.sum()),
        pending=int((~there & ~arrived).sum()),
        stale_profiles=int((~same_profile).sum()),
        mismatched=int(differs.any(axis=1).sum()),
        missing=_unpredicted(predictions, offline, lateness_ms),
        extra=int((~there & arrived & ~has_no_row).sum()),
        features=tuple(FEATURE_NAMES[column] for column in np.flatnonzero(differs.any(axis=0))),
    )


def differs_from_published(
    served: npt.NDArray[np.float32], dates: pa.Array, offline: OfflineRows, index: npt.NDArray[np.int64]
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]]:
    """For each served day with published profiles: places of predictions, and the features no version gives.

    Args:
        served: the merchant's features of n predictions, float32 (n, P).
        dates: of their profiles, n.
        offline: with the published profiles.
        index: the training row of each, int64 (n,).
    """
    for date, versions in offline.published.items():
        places = np.flatnonzero(pc.equal(dates, date).fill_null(False).to_numpy(zero_copy_only=False))
        rows = pa.array(index[places])
        merchants, amounts = offline.merchants.take(rows), offline.amounts[index[places]]
        found = [
            _differs(served[places], profile_features(amounts, values_of(merchants, version)))
            for version in versions
        ]
        # Serving had one of them: the one that differs least shows what is wrong, if anything is.
        least = np.argmin([one.sum(axis=1) for one in found], axis=0)
        yield places, np.stack(found)[least, np.arange(len(places))]


def _unpredicted(predictions: Predictions, offline: OfflineRows, lateness_ms: int) -> int:
    if not len(predictions):
        return 0
    first, last = predictions.timestamps.min() + lateness_ms, predictions.timestamps.max() - lateness_ms
    within = (offline.timestamps >= first) & (offline.timestamps < last)
    known = pc.is_in(offline.ids, value_set=predictions.keys).to_numpy(zero_copy_only=False)
    return int((within & ~known).sum())


def _differs(online: npt.NDArray[np.float32], offline: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    return np.asarray((online != offline) & ~(np.isnan(online) & np.isnan(offline)), dtype=np.bool_)


def _same(first: pa.Array, second: pa.Array) -> npt.NDArray[np.bool_]:
    """Equal, or both unknown."""
    equal = pc.equal(first.fill_null(""), second.fill_null(""))
    return np.asarray(equal.to_numpy(zero_copy_only=False), dtype=np.bool_)
