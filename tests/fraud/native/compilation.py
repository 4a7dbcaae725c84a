"""Compiles the hot path once, before several test processes would each compile it at the same time."""

import numpy as np

from fraud.features.decoded_batch import decode_batch
from fraud.features.events import Events
from fraud.features.store import CardStore
from fraud.messages.admission import AdmissionFilter
from fraud.native.id_index import IdIndex
from fraud.settings import AdmissionSettings
from tests.definitions import V1


def compile_hot_path() -> None:
    """Fill numba's cache: a test process then loads what would take it a minute to compile."""
    events = Events.empty(1, V1)
    CardStore(V1).process(events)
    IdIndex().process(events.heads)
    decode_batch(AdmissionFilter(V1, AdmissionSettings()), [b"{}"], np.zeros(1, dtype=np.int64))
