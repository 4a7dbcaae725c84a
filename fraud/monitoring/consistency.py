"""Comparison of the features that serving computed with the offline ones: exact, without a tolerance."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.definitions import Definitions
from fraud.features.profiles import ProfileFeatures, values_of
from fraud.monitoring.predictions import Predictions


@dataclass(frozen=True)
class OfflineRows:
    """The lake's training rows of the predictions' days.

    Attributes:
        ids: the payment of every row (`payment_keys`), N.
        timestamps: event times in ms, int64 (N,).
        sampled_ids: the payment of the rows whose prediction carries features, M.
        rows: their features, float32 (M, F); those of profiles of fields at the moment that the prediction
            records.
        profile_dates: dates of their merchant profiles, M.
        merchants: their merchant_id, M.
        amounts: their amounts as paid, in minor units, int64 (M,).
        published: by date (YYYY-MM-DD) the published profile versions of that day.
        reused: payments that were scored and have no row, because another payment used their id first.
        revised: how many of the rows have profiles of fields as published, which the lake has revised since.
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
    revised: int = 0


@dataclass(frozen=True)
class Consistency:
    """Result of the comparison; `mismatched`, `missing` and `extra` should be 0.

    Attributes:
        compared: sampled predictions that have a training row.
        pending: sampled predictions that may still be on their way to the lake.
        stale_profiles: compared by the card's features only: serving used the profile of another day than the
            training row, and the lake does not have that profile version.
        mismatched: compared predictions with a feature that differs.
        missing: training rows without a prediction.
        extra: sampled predictions without a training row.
        features: names of the features that differ.
        revised_profiles: compared with the profiles of fields as they were published: payments or reports
            that came later have changed them.
    """

    compared: int
    pending: int
    stale_profiles: int
    mismatched: int
    missing: int
    extra: int
    features: tuple[str, ...]
    revised_profiles: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """All fields but the names."""
        return {name: value for name, value in asdict(self).items() if name != "features"}


def compare_features(
    definitions: Definitions, predictions: Predictions, offline: OfflineRows, lateness_ms: int
) -> Consistency:
    """Compare the sampled predictions with the training rows, by card and transaction_id.

    Card features must be equal bit for bit. Merchant features must equal those of one of the published
    profile versions of the served day, because a day's profiles may have been recomputed since. Where the
    lake has none, they are compared with the training row if both use the profile of the same day. Payments
    that may still be on their way to the lake, or were scored before the first prediction read, are not
    counted: whatever is more than `lateness_ms` older than the newest row has arrived.
    """
    daily = definitions.daily_profile_columns
    ids = predictions.keys.take(pa.array(predictions.sampled))
    position = pc.index_in(ids, value_set=offline.sampled_ids)
    has_row = pc.is_valid(position).to_numpy(zero_copy_only=False)
    index = position.drop_null().to_numpy().astype(np.int64)
    same_profile = _same(
        predictions.profile_dates.filter(pa.array(has_row)), offline.profile_dates.take(pa.array(index))
    )
    served, dates = predictions.rows[has_row], predictions.profile_dates.filter(pa.array(has_row))
    differs = _differs(served, offline.rows[index])
    differs[:, daily] &= same_profile[:, np.newaxis]
    recorded = differs_from_published(definitions, served[:, daily], dates, offline, index)
    for selected, differing in recorded:
        differs[selected, daily] = differing
        same_profile[selected] = True
    newest = int(offline.timestamps.max(initial=0))
    arrived = predictions.timestamps[predictions.sampled] < newest - lateness_ms
    has_reused_id = pc.is_in(ids, value_set=offline.reused).to_numpy(zero_copy_only=False)
    return Consistency(
        compared=int(has_row.sum()),
        pending=int((~has_row & ~arrived).sum()),
        stale_profiles=int((~same_profile).sum()),
        mismatched=int(differs.any(axis=1).sum()),
        missing=_unpredicted(predictions, offline, lateness_ms),
        extra=int((~has_row & arrived & ~has_reused_id).sum()),
        features=tuple(definitions.feature_names[column] for column in np.flatnonzero(differs.any(axis=0))),
        revised_profiles=offline.revised,
    )


def differs_from_published(
    definitions: Definitions,
    served: npt.NDArray[np.float32],
    dates: pa.Array,
    offline: OfflineRows,
    index: npt.NDArray[np.int64],
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]]:
    """For each served day with published profiles: indices of predictions, and features that no version has.

    Args:
        definitions: of the features.
        served: merchant features of n predictions, float32 (n, P).
        dates: dates of their profiles, n.
        offline: with the published profiles.
        index: index of the training row of each, int64 (n,).
    """
    profiles = ProfileFeatures(definitions)
    for date, versions in offline.published.items():
        selected = np.flatnonzero(pc.equal(dates, date).fill_null(False).to_numpy(zero_copy_only=False))
        rows = pa.array(index[selected])
        merchants, amounts = offline.merchants.take(rows), offline.amounts[index[selected]]
        found = [
            _differs(served[selected], profiles.compute(amounts, values_of(merchants, version)))
            for version in versions
        ]
        # Serving used one of the versions: the closest one shows which features differ.
        closest = np.argmin([one.sum(axis=1) for one in found], axis=0)
        yield selected, np.stack(found)[closest, np.arange(len(selected))]


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
    """Whether both are equal, or both unknown."""
    equal = pc.equal(first.fill_null(""), second.fill_null(""))
    return np.asarray(equal.to_numpy(zero_copy_only=False), dtype=np.bool_)
