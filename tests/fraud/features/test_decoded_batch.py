"""What compiled code reads is what admission admits, message by message."""

import json
from collections.abc import Iterator
from datetime import timedelta
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud.features.decoded_batch import decode_batch
from fraud.messages.admission import AdmissionFilter, Admitted, Refused
from fraud.native.json_reader import read_simple_messages
from fraud.settings import AdmissionSettings
from tests.definitions import EXTENDED, V1
from tests.fuzz.agreement import assert_agreement
from tests.fuzz.definitions import random_definitions
from tests.fuzz.run import fuzz

NOW = 1_700_000_000_000
SETTINGS = AdmissionSettings()
LATENESS_MS = SETTINGS.lateness // timedelta(milliseconds=1)
SKEW_MS = SETTINGS.clock_skew // timedelta(milliseconds=1)
PLAIN = {
    "transaction_id": "t-1", "card_id": "c-1", "merchant_id": "m-1", "amount": "12.34", "currency": "EUR",
    "timestamp": NOW, "merchant_category": "grocery", "channel": "chip", "country": "DE",
    "latitude": 52.5, "longitude": -13.4,
}  # fmt: skip

TEXT = [
    '""',
    '"é"',
    '"a\\\\b"',
    '"\\u0041"',
    '"\x01"',
    '"\x7f"',
    '"🙂"',
    '" a b "',
    *(f'"{"x" * n}"' for n in (3, 4, 32, 33, 64, 65)),
]
NUMBER = [
    *("0", "-0", "-0.0", "0.5", ".5", "5.", "01", "00.5", "+1", "1e2", "1.5E1", "-", "1.2.3", "--1", "1-2"),
    *("9" * 15, "9" * 16, "0." + "1" * 14, "0." + "1" * 17),
]
AMOUNT = [
    "0.001",
    "1.230",
    "999999.99",
    "1000000",
    "1000000.01",
    "-1",
    "NaN",
    "Infinity",
    "1_000",
    "12,5",
    " 1",
]
DEGREES = ["90", "-90", "90.00001", "180", "-180", "180.00001", "-180.00001", "45.123456789012345"]
TIME = [str(NOW + step) for step in (-(10**12), -LATENESS_MS - 1, -LATENESS_MS, SKEW_MS, SKEW_MS + 1)]
ANY = ["null", "nul", "nulll", "true", "[]", "{}", "7", "", '"', "\0"]
UNUSUAL = {
    **dict.fromkeys(
        ("transaction_id", "card_id", "merchant_id", "merchant_category", "channel", "country"), TEXT
    ),
    "amount": [*NUMBER, *AMOUNT, *(f'"{amount}"' for amount in [*NUMBER, *AMOUNT])],
    "currency": ['"JPY"', '"KWD"', '"eur"', '"E1R"', '"EURO"', '"EU"', '"€UR"', '"Ü"'],
    "timestamp": [*TIME, *NUMBER, f'"{NOW}"', f"{NOW}.0", f"{NOW // 10}.0", "253402300800000"],
    "latitude": [*NUMBER, *DEGREES, '"1"'],
    "longitude": [*NUMBER, *DEGREES, '"1"'],
}
"""Values, as JSON, with which a field may be met."""

Fields = list[tuple[str, str]]


def written(fields: Fields, blank: str = "") -> bytes:
    members = f",{blank}".join(f'"{name}"{blank}:{blank}{value}' for name, value in fields)
    return f"{blank}{{{blank}{members}{blank}}}{blank}".encode()


def fields_with(**changes: str) -> Fields:
    return [(name, changes.get(name, json.dumps(value))) for name, value in PLAIN.items()]


def unusual_messages() -> Iterator[bytes | None]:
    """Messages with one thing in them that is not as usual."""
    usual = fields_with()
    yield from (None, b"", b"{}", b"[]", b"null", b"{", b"}", b"\xff\xfe", written(usual) * 2)
    yield from (written(usual)[:length] for length in range(len(written(usual))))
    yield from (written(usual) + tail for tail in (b" ", b"\n\t\r", b"\0", b"}", b",", b"x"))
    yield from (written(usual, blank) for blank in (" ", "\t", "\r\n", "\v", "\u00a0", ","))
    yield written(usual, " " * (SETTINGS.max_bytes // 30))
    for at, (name, value) in enumerate(usual):
        rest = usual[:at] + usual[at + 1 :]
        yield written(rest)
        yield from (written([*rest, one]) for one in ((name, value), (name + "s", value), (name[:-1], value)))
        yield from (written([*usual, (name, again)]) for again in (value, "null", '"a"', "1"))
        yield from (written(fields_with(**{name: unusual})) for unusual in [*UNUSUAL[name], *ANY])


def sums(currency: str) -> Iterator[bytes]:
    for digits in range(6):
        for amount in (f"{12:.{digits}f}", f"{12 + 10**-digits:.{digits}f}", f"{0.3:.{digits}f}"):
            yield written(fields_with(currency=json.dumps(currency), amount=amount))


def test_it_agrees_with_admission_on_every_unusual_message() -> None:
    for unusual in [*unusual_messages(), *sums("EUR"), *sums("JPY"), *sums("KWD"), *sums("IDR")]:
        assert_agreement([unusual, written(fields_with()), unusual], [NOW] * 3)


@settings(deadline=None)  # the first example may wait for the compiler
@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_it_agrees_with_admission_on_a_mixture_of_any_order(random: Random, count: int) -> None:
    # given messages with several unusual values at once, and times as they come
    found: list[bytes | None] = []
    for _ in range(count):
        changes = {
            name: random.choice(UNUSUAL[name]) for name in random.sample(sorted(UNUSUAL), random.randrange(3))
        }
        time = str(NOW + random.randrange(-LATENESS_MS, LATENESS_MS))
        fields = fields_with(**{"timestamp": time} | changes)
        found.append(written(random.sample(fields, len(fields)) if random.random() < 0.2 else fields))
    assert_agreement(found, [NOW + random.randrange(-LATENESS_MS, LATENESS_MS) for _ in found])


@settings(deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 80))
def test_it_agrees_with_admission_on_clocks_that_are_far_ahead(random: Random, count: int) -> None:
    # given messages of few and of many cards, some of them days, months or years ahead
    found, cards = [], random.choice([1, 2, 40])
    for number in range(count):
        ahead = random.choice([0, 0, 0, -3, 0.7, 2, 30, 70, 4_000]) * 24 * 3_600_000
        card, merchant = f"c-{random.randrange(cards)}", f"m-{random.randrange(3)}"
        found.append(plain(card_id=card, merchant_id=merchant, timestamp=NOW + number + int(ahead)))
    assert_agreement(found, [2**42] * count)


def plain(**changes: object) -> bytes:
    fields = {name: value for name, value in (PLAIN | changes).items() if value is not ...}
    return json.dumps(fields).encode()


def test_simple_messages_do_not_need_admission(monkeypatch: pytest.MonkeyPatch) -> None:
    # given admission that would refuse whatever reached it
    monkeypatch.setattr(AdmissionFilter, "validate", lambda *_: Refused("reached admission"))
    # when transactions come as the producers write them
    found = [plain(), plain(amount=7, latitude=None), json.dumps(PLAIN, separators=(",", ":")).encode()]
    decoded = decode_batch(AdmissionFilter(V1, SETTINGS), found, np.full(3, NOW))
    # then none does
    assert decoded.refused == []
    assert decoded.events.heads["amount"].tolist() == [1_234, 700, 1_234]


@pytest.mark.parametrize(
    "extra",
    [
        {"device_id": "x"},
        {"": "", "browser": {"name": "Firefox", "version": [128, 0.5, {}], "mobile": False}, "score": -1e-05},
        {"note": 'a "quoted" \\ text\n\u0001', "größe": "🙂", "nothing": None},
        {"merchant_id": "Bäckerei Müller 🙂", "merchant_category": "", "card_id": "花" * 42},
    ],
)
@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_neither_further_fields_nor_utf8_need_admission(
    monkeypatch: pytest.MonkeyPatch, extra: dict[str, object], ensure_ascii: bool
) -> None:
    # given transactions with fields that are not declared, or with text beyond ASCII
    escaped = ensure_ascii and extra.keys() & PLAIN.keys()
    content = json.dumps(PLAIN | extra, ensure_ascii=ensure_ascii).encode()
    expected = assert_agreement([content] * 2, [NOW] * 2)
    # when admission would refuse whatever reached it
    monkeypatch.setattr(AdmissionFilter, "validate", lambda *_: Refused("reached admission"))
    decoded = decode_batch(AdmissionFilter(V1, SETTINGS), [content] * 2, np.full(2, NOW))
    # then only what is declared and escaped reaches it
    assert len(decoded) == (0 if escaped else 2)
    assert len(expected) == 2


@pytest.mark.parametrize(
    ("amount", "currency", "is_admitted"),
    [
        ("1000000", "EUR", True), ("1000000.01", "EUR", False), ("1100000", "USD", True),
        ("1100001", "USD", False),
        ("45000000", "IDR", True), ("9999999999", "IDR", True), ("10000000001", "IDR", False),
        ("150000000", "VND", True), ("165000000", "JPY", True), ("165000001", "JPY", False),
        ("340000", "KWD", True), ("340000.001", "KWD", False), ("1000000", "XXX", True),
        ("1000000.01", "XXX", False),
    ],
)  # fmt: skip
def test_the_limit_of_amounts_is_in_the_base_currency(
    monkeypatch: pytest.MonkeyPatch, amount: str, currency: str, is_admitted: bool
) -> None:
    million = SETTINGS.model_copy(update={"max_amount": 100_000_000})
    message = plain(amount=amount, currency=currency)
    assert isinstance(AdmissionFilter(V1, million).validate(message, NOW), Admitted) == is_admitted
    # compiled code leaves to admission what that refuses, and nothing else
    monkeypatch.setattr(AdmissionFilter, "validate", lambda *_: Refused("reached admission"))
    assert decode_batch(AdmissionFilter(V1, million), [message], np.full(1, NOW)).refused == (
        [] if is_admitted else [(0, "reached admission")]
    )


def test_a_text_is_kept_as_it_was_meant() -> None:
    found = [plain(), plain(card_id="Zoë"), plain(card_id="c-2")]
    decoded = decode_batch(AdmissionFilter(V1, SETTINGS), found, np.full(3, NOW))
    assert decoded.texts()["card_id"] == ["c-1", "Zoë", "c-2"]
    assert decoded.select(np.array([False, True, True])).texts()["card_id"] == ["Zoë", "c-2"]


def test_a_message_never_reaches_into_the_next() -> None:
    found = [b'{"transaction_id":"a', plain()]
    decoded = decode_batch(AdmissionFilter(V1, SETTINGS), found, np.full(2, NOW))
    assert [number for number, _ in decoded.refused] == [0]
    assert decoded.texts()["transaction_id"] == ["t-1"]


def test_declared_objects_do_not_need_admission(monkeypatch: pytest.MonkeyPatch) -> None:
    # given payments with declared and undeclared members around and in a declared object
    inner = {"os": ["x", {"fingerprint": 7}], "fingerprint": "d-1", "z": None}
    found = [
        plain(device=device, entry_mode="chip", note={"device": {"fingerprint": 7}})
        for device in (inner, {}, None, {"fingerprint": None}, {"fingerprint": "d-2"})
    ]
    assert_agreement(found, [NOW] * len(found), EXTENDED)
    # when admission would refuse whatever reached it
    monkeypatch.setattr(AdmissionFilter, "validate", lambda *_: Refused("reached admission"))
    decoded = decode_batch(AdmissionFilter(EXTENDED, SETTINGS), found, np.full(len(found), NOW))
    # then none does, and each has its own device
    assert decoded.refused == []
    assert [decoded.field_values(number).get("device_id") for number in range(len(found))] == [
        "d-1", None, None, None, "d-2",
    ]  # fmt: skip


def test_the_values_of_a_payment_are_those_that_it_has() -> None:
    found = [plain(channel=None), plain(card_id="Z", country="\u00fc", merchant_category=...)]
    decoded = decode_batch(AdmissionFilter(V1, SETTINGS), found, np.full(2, NOW))
    place = {"latitude": 52.5, "longitude": -13.4}
    assert decoded.fast == 1
    assert decoded.field_values(0) == {"merchant_category": "grocery", "country": "DE"} | place
    chosen = decoded.select(np.array([False, True]))
    assert chosen.field_values(0) == {"channel": "chip", "country": "\u00fc"} | place


def test_other_definitions_compile_nothing() -> None:
    for definitions in (V1, EXTENDED, random_definitions(Random(3))):
        decode_batch(AdmissionFilter(definitions, SETTINGS), [plain()], np.full(1, NOW))
    assert len(read_simple_messages.signatures) == 1


def test_it_agrees_with_admission_on_any_definitions() -> None:
    figures = fuzz(2_000, seed=9)
    assert figures.fast > 0
