"""What admission accepts beyond the types of the fields: moments, and sizes of amounts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.money.texts import amount_text
from producer.replay.forms.zones import moment_of
from producer.replay.rows.findings import Findings, mask_of, value_text


@dataclass(frozen=True)
class AdmissionLimits:
    """Bounds of event times in ms, and of amounts in minor units."""

    earliest: int
    latest: int
    max_amount: int
    max_amounts: Mapping[str, int] = field(default_factory=dict)
    """Of currencies that are not limited by `max_amount` itself."""

    def of_each(self, currencies: pa.Array) -> npt.NDArray[np.int64]:
        """The largest amount of each row, in minor units of its currency."""
        encoded = pc.fill_null(currencies, "").dictionary_encode()
        most = [self.max_amounts.get(code, self.max_amount) for code in encoded.dictionary.to_pylist()]
        found: npt.NDArray[np.int64] = np.array(most, dtype=np.int64)[encoded.indices.to_numpy()]
        return found


def check_amounts(
    amounts: pa.Array,
    source: pa.Array,
    currencies: pa.Array,
    limits: AdmissionLimits,
    findings: Findings,
    *,
    allows_refunds: bool = False,
) -> None:
    """Reject refunds, unless they are allowed, and larger amounts than can be; `source` is as written."""
    most = limits.of_each(currencies)
    least = -most if allows_refunds else np.zeros_like(most)
    if not allows_refunds:
        refunds = mask_of(pc.less(amounts, 0))
        findings.refunds += int(refunds.sum())
        findings.reject(
            refunds,
            lambda row: f"a refund: amount {value_text(source, row)} is below 0",
        )
    values = pc.fill_null(amounts, 0).to_numpy(zero_copy_only=False)
    findings.reject(
        (values > most) | (values < least),
        lambda row: (
            f"amount {value_text(source, row)} is outside {amount_text(least[row], str(currencies[row]))} to "
            f"{amount_text(most[row], str(currencies[row]))}, see FRAUD_ADMISSION__MAX_AMOUNT"
        ),
    )


def check_times(name: str, times: pa.Array, earliest: int, latest: int | None, findings: Findings) -> None:
    """Reject times before `earliest` and after `latest`."""
    findings.reject(
        mask_of(pc.less(times, earliest)),
        lambda row: (
            f"{name} {times[row]} ({moment_of(times[row].as_py())}) is before the earliest allowed, "
            f"{earliest}"
        ),
    )
    if latest is not None:
        findings.reject(
            mask_of(pc.greater(times, latest)),
            lambda row: f"{name} {times[row]} ({moment_of(times[row].as_py())}) is in the future",
        )
