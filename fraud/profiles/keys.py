"""The keys of payments: whose profiles they have, and in whose profiles they count."""

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import UNKNOWN
from fraud.features.events import Events, encoder_of
from fraud.profiles.payments import ABSENT

Ints = npt.NDArray[np.int64]


def field_keys(definitions: Definitions, events: Events) -> dict[str, Ints]:
    """The keys of n payments, by field that has profiles, (n,)."""
    return {field: events.values[:, definitions.field_index[field]] for field in definitions.profile_fields}


def counted_keys(definitions: Definitions, events: Events) -> dict[str, Ints]:
    """As `field_keys`, but `ABSENT` of refunds, which count in no profile."""
    keys = field_keys(definitions, events)
    if not definitions.field_by_name["amount"].allows_refunds:
        return keys
    is_refund = _is_refund(definitions, events)
    return {field: np.where(is_refund, ABSENT, column) for field, column in keys.items()}


def _is_refund(definitions: Definitions, events: Events) -> npt.NDArray[np.bool_]:
    """As the kernel recognises refunds (`Field.refund_field`), (n,)."""
    amount, index = definitions.field_by_name["amount"], definitions.field_index
    amounts = events.values[:, index["amount"]]
    is_refund = (amounts < 0) & (amounts != UNKNOWN)
    if amount.refund_field:
        encode = encoder_of(definitions.field_by_name[amount.refund_field].type)
        codes = [encode(value) for value in amount.refund_values]
        is_refund |= np.isin(events.values[:, index[amount.refund_field]], codes)
    return np.asarray(is_refund, dtype=np.bool_)
