"""Payments of several batches are found by their number among all of them."""

import json

import numpy as np

from fraud.features.decoded_batch import DecodedBatch, decode_batch
from fraud.messages.admission import AdmissionFilter
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


def test_values_are_those_of_each_payment() -> None:
    # given batches, one without payments and one with a text that only the full decoder reads
    joined = JoinedPayments([batch("DE", "FR"), batch(), batch("\u00fc", "US", "DE")])
    # then each payment has its own values
    countries = [joined.all_values(number)["country"] for number in range(len(joined))]
    assert countries == ["DE", "FR", "\u00fc", "US", "DE"]
