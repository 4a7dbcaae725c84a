"""The benchmarks' transactions are admitted, and a prediction identifies its transaction."""

import msgspec

from benchmarks.serving.harness.traffic import SyntheticTraffic, number_of, time_of
from fraud.messages.admission import AdmissionFilter, Admitted
from fraud.schema import Prediction
from fraud.settings import Settings
from tests.definitions import V1


def test_every_transaction_is_admitted(local_settings: Settings) -> None:
    # given
    admission, traffic = AdmissionFilter(V1, local_settings.admission), SyntheticTraffic(cards=100)
    # when
    results = [
        admission.validate(traffic.draw(number)[1].encode(), time_of(number)) for number in range(2_000)
    ]
    # then
    assert all(isinstance(result, Admitted) for result in results)


def test_a_prediction_identifies_its_transaction(local_settings: Settings) -> None:
    # given the prediction for the 4,711th
    key, value = SyntheticTraffic(cards=100).draw(4_711)
    result = AdmissionFilter(V1, local_settings.admission).validate(value.encode(), time_of(4_711))
    assert isinstance(result, Admitted)
    paid = result.transaction
    prediction = Prediction(
        paid.transaction_id, key, paid.timestamp, result.amount, "EUR", 0.5, "approve", 0.9, "m", "1", 1, 1
    )
    # then
    assert number_of(msgspec.json.encode(prediction)) == 4_711
