"""Payments of several batches are found by their number among all of them."""

import json

import numpy as np

from fraud.features.decoded_batch import DecodedBatch, decode_batch
from fraud.messages.admission import AdmissionFilter, signed_hash
from fraud.settings import AdmissionSettings
from serving.pipeline.joined_payments import JoinedPayments
from tests.definitions import V1
from tests.fraud.streams import START_MS, transaction


def batch(*countries: str) -> DecodedBatch:
    values = [
        json.dumps(transaction(number, START_MS, country=country)).encode()
        for number, country in enumerate(countries)
    ]
    return decode_batch(AdmissionFilter(V1, AdmissionSettings()), values, np.full(len(values), START_MS))


def test_category_hashes_are_those_of_each_payment() -> None:
    # given batches, one without payments and one with a text that only the full decoder reads
    joined = JoinedPayments([batch("DE", "FR"), batch(), batch("\u00fc", "US", "DE")])
    column = np.array([V1.field_index["country"]])
    # then any of them have the hashes of their texts
    for numbers, texts in (
        ([0, 1, 2, 3, 4], ["DE", "FR", "\u00fc", "US", "DE"]),
        ([1, 4], ["FR", "DE"]),
        ([], []),
    ):
        found = joined.category_hashes(np.array(numbers, dtype=np.int64), column)
        assert found[:, 0].tolist() == [signed_hash(text) for text in texts]
    assert joined.all_values(2)["country"] == "\u00fc"
