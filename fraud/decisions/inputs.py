"""What decisions are made of: n payments with their features and probabilities."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fraud.features.events import Events
from fraud.schema import FieldValue


@dataclass(frozen=True)
class DecisionInputs:
    """N payments; the same for live traffic and for stored payments.

    Attributes:
        events: encoded as the kernel takes them (`fraud.features.events.Events`), n.
        rows: features in the order of the definitions, float32 (n, F), NaN = unknown.
        probabilities: of fraud, float64 (n,).
        model_threshold: of the models that scored, float64 (n,).
        texts_of: the values of one payment's fields by name, texts as texts, absent ones left out. It is
            asked for few payments: codes of categories collide, and a match is confirmed by its text.
        category_hashes: of the categories' texts, as ids have them, 0 of absent ones, int64 (n, categories);
            None: `texts_of` is asked.
    """

    events: Events
    rows: npt.NDArray[np.float32]
    probabilities: npt.NDArray[np.float64]
    model_threshold: npt.NDArray[np.float64]
    texts_of: Callable[[int], Mapping[str, FieldValue]]
    category_hashes: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.probabilities)
