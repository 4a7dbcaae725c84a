"""The benchmarks' transactions are real ones, and their answers tell which of them they answer."""

import msgspec

from benchmarks.serving.harness.traffic import Transactions, number_of, time_of
from fraud.messages.admission import AdmissionFilter, Admitted
from fraud.schema import Prediction
from fraud.settings import Settings


def test_every_transaction_passes_the_door(local_settings: Settings) -> None:
    # given
    admission, traffic = AdmissionFilter(local_settings.admission), Transactions(cards=100)
    # when
    verdicts = [
        admission.validate(traffic.draw(number)[1].encode(), time_of(number)) for number in range(2_000)
    ]
    # then
    assert all(isinstance(verdict, Admitted) for verdict in verdicts)


def test_an_answer_tells_which_transaction_it_answers(local_settings: Settings) -> None:
    # given the answer to the 4,711th
    key, value = Transactions(cards=100).draw(4_711)
    verdict = AdmissionFilter(local_settings.admission).validate(value.encode(), time_of(4_711))
    assert isinstance(verdict, Admitted)
    paid = verdict.transaction
    answer = Prediction(
        paid.transaction_id, key, paid.timestamp, verdict.amount, "EUR", 0.5, "approve", 0.9, "m", "1", 1, 1
    )
    # then
    assert number_of(msgspec.json.encode(answer)) == 4_711
