"""Loads the compiled code that every payment passes, so that the first one does not wait for it."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.features.decoded_batch import decode_batch
from fraud.features.events import Events
from fraud.features.store import CardStore
from fraud.messages.admission import AdmissionFilter
from fraud.settings import AdmissionSettings

_NOW_MS = 1_700_000_000_000
_PAYMENT = {
    "transaction_id": "t",
    "card_id": "c",
    "merchant_id": "m",
    "amount": "1.00",
    "currency": "EUR",
    "timestamp": _NOW_MS,
}


def load_hot_path(definitions: Definitions) -> None:
    """Decode a payment, compute its features, copy the state; a minute where numba's cache is empty."""
    admission = AdmissionFilter(definitions, AdmissionSettings())
    decoded = decode_batch(admission, [_message(definitions)], np.array([_NOW_MS]))
    decoded.texts()
    store = CardStore(definitions)
    store.process(Events.empty(1, definitions))
    store.remove_idle(0)
    dumped = store.dump(0)

    def fill(arrays: dict[str, npt.NDArray[Any]]) -> None:
        for name, array in arrays.items():
            array[...] = dumped[name]

    cards, events, ids = (len(dumped[name]) for name in ("cards", "events", "ids"))
    CardStore.restore(definitions, cards, events, ids, fill)


def _message(definitions: Definitions) -> bytes:
    """A payment of the core fields; where others are required it is refused, which loads nearly as much."""
    message: dict[str, Any] = {}
    for name, value in _PAYMENT.items():
        *around, own = definitions.fields[definitions.field_index[name]].path
        place = message
        for one in around:
            place = place.setdefault(one, {})
        place[own] = value
    return json.dumps(message).encode()
