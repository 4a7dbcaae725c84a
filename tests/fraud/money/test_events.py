"""Amounts in the base and refunds, from the message and from the lake to the kernel."""

import json
from random import Random

import numpy as np
import pyarrow as pa
import pytest

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import UNKNOWN
from fraud.definitions.loading import load_definitions, parse_definitions
from fraud.features.decoded_batch import DecodedBatch, decode_batch
from fraud.features.events import Events, encode_table, encode_transactions
from fraud.features.store import CardStore
from fraud.messages.admission import AdmissionFilter, Admitted, Refused
from fraud.money.conversion import DAY_MS
from fraud.money.rates import date_of
from fraud.schema import transaction_arrow
from fraud.settings import AdmissionSettings

DAY = 20_200
START = DAY * DAY_MS
TEXT = """\
version: 1
fields:
  transaction_id: {type: id}
  card_id: {type: id}
  merchant_id: {type: id}
  amount: {type: money, currency: currency, REFUNDS}
  currency: {type: currency}
  timestamp: {type: time}
  tip: {type: money, currency: currency, optional: true}
MONEY
features:
  - {name: value, transform: value, of: amount}
  - {name: spent, aggregate: sum, of: amount, window: 30d, WITH}
  - {name: bought, aggregate: sum, of: amount, window: 30d}
  - {name: payments, aggregate: count, window: 30d}
  - {name: refunds, aggregate: count, window: 30d, ONLY}
"""


def text(*, refunds: bool, money: str = "") -> str:
    asked = TEXT.replace("WITH", "refunds: with").replace("ONLY", "refunds: only")
    found = asked if refunds else TEXT.replace(", WITH", "").replace(", ONLY", "")
    return found.replace("REFUNDS", f"refunds: {str(refunds).lower()}").replace("MONEY", money)


@pytest.fixture(scope="module")
def euros(tmp_path_factory: pytest.TempPathFactory) -> Definitions:
    """Amounts in euros; dollars cost 2, yen 100, and pounds have no rate."""
    folder = tmp_path_factory.mktemp("definitions")
    day = date_of(DAY - 1)
    (folder / "rates.csv").write_text(f"date,currency,rate\n{day},USD,2\n{day},JPY,100\n")
    path = folder / "definitions.yaml"
    path.write_text(text(refunds=True, money="money: {base: EUR, rates: rates.csv}"))
    return load_definitions(path)


AS_PAID = parse_definitions(text(refunds=True))
WITHOUT_REFUNDS = parse_definitions(text(refunds=False))


def payment(number: int, amount: str, currency: str, **more: object) -> bytes:
    fields = {
        "transaction_id": f"t-{number}", "card_id": "c-1", "merchant_id": "m-1", "amount": amount,
        "currency": currency, "timestamp": START + number * 1_000, **more,
    }  # fmt: skip
    return json.dumps(fields).encode()


def decoded(definitions: Definitions, messages: list[bytes]) -> DecodedBatch:
    times = np.full(len(messages), START + DAY_MS)
    return decode_batch(AdmissionFilter(definitions, AdmissionSettings()), messages, times)


def admitted(definitions: Definitions, messages: list[bytes]) -> list[Admitted]:
    admission = AdmissionFilter(definitions, AdmissionSettings())
    found = [admission.validate(message, START + DAY_MS) for message in messages]
    return [one for one in found if isinstance(one, Admitted)]


def amounts(definitions: Definitions, events: Events, name: str = "amount") -> list[int]:
    found: list[int] = events.values[:, definitions.field_index[name]].tolist()
    return found


MESSAGES = [
    payment(1, "10.00", "EUR", tip="1.00"),
    payment(2, "10.00", "USD", tip="1.01"),
    payment(3, "1000", "JPY"),
    payment(4, "10.00", "GBP", tip="1.00"),
    payment(5, "-4.00", "USD"),
    # Not simple, so that admission decodes it.
    payment(6, "10.00", "USD").replace(b"c-1", b"c-\\u0031"),
]


def test_amounts_are_in_the_base_and_as_paid(euros: Definitions) -> None:
    # when
    batch = decoded(euros, MESSAGES)
    # then
    assert amounts(euros, batch.events) == [1_000, 500, 1_000, UNKNOWN, -200, 500]
    assert amounts(euros, batch.events, "tip") == [100, 50, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN]
    assert batch.events.heads["amount"].tolist() == [1_000, 1_000, 1_000, 1_000, -400, 1_000]
    assert batch.unknown_amounts == 1
    assert batch.fast == len(MESSAGES) - 1


def test_what_a_prediction_records(euros: Definitions) -> None:
    found, days = decoded(euros, MESSAGES).base_amounts()
    assert found.tolist() == [1_000, 500, 1_000, UNKNOWN, -200, 500]
    assert days.tolist() == [-1, DAY - 1, DAY - 1, -1, DAY - 1, DAY - 1]


def test_without_a_base_amounts_are_as_paid() -> None:
    batch = decoded(AS_PAID, MESSAGES)
    assert amounts(AS_PAID, batch.events) == batch.events.heads["amount"].tolist()
    assert batch.unknown_amounts == 0
    with pytest.raises(ValueError, match="no base currency"):
        batch.base_amounts()


def test_an_id_is_compared_by_the_payment_as_paid(euros: Definitions) -> None:
    """A payment that comes again when there is a rate is the same payment."""
    base, paid = decoded(euros, MESSAGES).events, decoded(AS_PAID, MESSAGES).events
    assert base.heads["content"].tolist() == paid.heads["content"].tolist()


def random_messages(seed: int, count: int = 300) -> list[bytes]:
    random = Random(seed)
    return [
        payment(
            number,
            f"{random.randrange(-10_000, 1_000_000) / (1 if currency == 'JPY' else 100):.{digits}f}",
            currency,
            **({"tip": f"{random.randrange(100)}"} if random.random() < 0.5 else {}),
        )
        for number in range(count)
        for currency, digits in [random.choice([("EUR", 2), ("USD", 2), ("JPY", 0), ("GBP", 2), ("KWD", 2)])]
    ]


@pytest.mark.parametrize("seed", range(5))
def test_the_reader_admission_and_the_lake_agree(euros: Definitions, seed: int) -> None:
    # given
    messages = random_messages(seed)
    found = admitted(euros, messages)
    rows = [
        dict(zip((field.name for field in euros.fields), one.values, strict=True))
        | {"partition": 0, "offset": number, "kafka_timestamp": 0}
        for number, one in enumerate(found)
    ]
    # when
    batch = decoded(euros, messages)
    # then
    assert len(found) == len(messages)
    assert batch.events.tobytes() == encode_transactions(euros, found).tobytes()
    table = pa.Table.from_pylist(rows, transaction_arrow(euros))
    assert batch.events.tobytes() == encode_table(euros, table).tobytes()


def test_a_refund_is_refused_unless_the_definitions_have_them() -> None:
    # given
    refund = payment(1, "-4.00", "EUR")
    # when
    batch = decoded(WITHOUT_REFUNDS, [refund])
    alone = AdmissionFilter(WITHOUT_REFUNDS, AdmissionSettings()).validate(refund, START + DAY_MS)
    # then
    assert isinstance(alone, Refused)
    assert batch.refused == [(0, alone.reason)]
    assert "amount -4.00 is outside 0 to 10000000000 minor units of EUR" in alone.reason
    assert "refunds: true" in alone.reason


def test_a_refund_has_the_limit_of_a_payment() -> None:
    # given
    most, beyond = payment(1, "-100000000.00", "EUR"), payment(2, "-100000000.01", "EUR")
    # when
    batch = decoded(AS_PAID, [most, beyond])
    # then
    assert amounts(AS_PAID, batch.events) == [-10_000_000_000]
    assert batch.fast == 1
    assert "is outside -10000000000 to 10000000000 minor units" in batch.refused[0][1]


def test_features_include_refunds_or_leave_them_out(euros: Definitions) -> None:
    # when
    features, _ = CardStore(euros).process(decoded(euros, MESSAGES).events)
    # then
    names = euros.feature_names
    last = dict(zip(names, features[-1].tolist(), strict=True))
    assert last == {"value": 500, "spent": 2_800, "bought": 3_000, "payments": 5, "refunds": 1}
    # and the payment without a rate counts, but is in no sum
    without_rate = dict(zip(names, features[3].tolist(), strict=True))
    assert np.isnan(without_rate["value"])
    assert (without_rate["spent"], without_rate["payments"]) == (2_500, 4)
