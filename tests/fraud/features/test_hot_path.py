"""The payment that loads the compiled code passes admission, whatever the definitions."""

import numpy as np
import pytest

from fraud.definitions.definitions import Definitions
from fraud.features.decoded_batch import decode_batch
from fraud.features.hot_path import _NOW_MS, _message, load_hot_path
from fraud.messages.admission import AdmissionFilter
from fraud.settings import AdmissionSettings
from tests.definitions import EXTENDED, V1

DEFINITIONS = pytest.mark.parametrize("definitions", [V1, EXTENDED], ids=["v1", "extended"])


@DEFINITIONS
def test_the_payment_is_admitted(definitions: Definitions) -> None:
    admission = AdmissionFilter(definitions, AdmissionSettings())
    decoded = decode_batch(admission, [_message(definitions)], np.array([_NOW_MS]))
    assert (len(decoded), decoded.refused) == (1, [])


@DEFINITIONS
def test_everything_is_loaded_without_an_error(definitions: Definitions) -> None:
    load_hot_path(definitions)
