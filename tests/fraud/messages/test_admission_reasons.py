"""What admission says of a message at each bound, and the limits that it takes from the settings."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import MAX_UNITS
from fraud.features.events import hash_identifier
from fraud.messages.admission import (
    AdmissionFilter,
    Admitted,
    Refused,
    decoder_of_admitted,
    max_amounts,
    signed_hash,
)
from fraud.native import event_clock
from fraud.native.admission_rules import LETTERS
from fraud.settings import AdmissionSettings
from tests.definitions import V1
from tests.fraud.messages.test_admission import LATENESS_MS, NOW, SETTINGS, SKEW_MS, message, reason

EARLIEST = SETTINGS.earliest
MAX_JUMP_MS = SETTINGS.max_jump // timedelta(milliseconds=1)


def test_a_new_partition_knows_nothing_and_one_that_goes_on_its_clock() -> None:
    assert AdmissionFilter(V1, SETTINGS).state == event_clock.start_state()
    admission = AdmissionFilter(V1, SETTINGS, max_event_time=NOW)
    assert (admission.max_event_time, admission.low_watermark) == (NOW, NOW - LATENESS_MS)


def test_what_is_known_to_be_admitted_is_decoded_alike() -> None:
    validated = AdmissionFilter(V1, SETTINGS).validate(message(), NOW)
    assert isinstance(validated, Admitted)
    decoded = decoder_of_admitted(V1)(message())
    assert decoded == validated
    # and neither changes while it is scored
    with pytest.raises(AttributeError):
        decoded.amount = 1  # type: ignore[misc]
    with pytest.raises(AttributeError):
        Refused("a reason").reason = ""  # type: ignore[misc]


def test_the_clock_knows_the_card_and_the_merchant_by_their_hashes() -> None:
    for number in range(50):
        admission = AdmissionFilter(V1, SETTINGS)
        admission.validate(message(card_id=f"c-{number}", merchant_id=f"m-{number}"), NOW)
        card, merchant, time = admission.state[-event_clock.CARDS_THAT_AGREE * 3 :][:3]
        assert card % (1 << 64) == hash_identifier(f"c-{number}")
        assert -(1 << 63) <= card < 1 << 63
        assert card == signed_hash(f"c-{number}")
        assert merchant == hash_identifier(f"m-{number}") % (1 << 32)
        assert time == NOW


@pytest.mark.parametrize("ahead", [-LATENESS_MS, MAX_JUMP_MS], ids=["the latest", "the furthest"])
def test_a_time_at_the_bound_is_observed_and_needs_no_other_card(ahead: int) -> None:
    admission = AdmissionFilter(V1, SETTINGS, max_event_time=NOW)
    expected, limits = event_clock.start_state(NOW), admission.limits
    event_clock.observe(
        expected,
        signed_hash("c"),
        hash_identifier("m") % (1 << 32),
        NOW + ahead,
        limits.step,
        limits.max_jump,
    )
    assert isinstance(admission.validate(message(timestamp=NOW + ahead), NOW + ahead), Admitted)
    assert admission.state == expected


def test_the_reasons_for_a_time_say_how_far_it_is_off() -> None:
    admission = AdmissionFilter(V1, SETTINGS, max_event_time=NOW)
    behind = admission.validate(message(timestamp=NOW - LATENESS_MS - 1), NOW)
    assert behind == Refused(
        f"timestamp {NOW - LATENESS_MS - 1} is behind the partition's {NOW} by more than 2 days, 0:00:00"
    )
    far = NOW + MAX_JUMP_MS + 1
    ahead = admission.validate(message(timestamp=far), far)
    assert isinstance(ahead, Refused)
    assert ahead.reason.startswith(f"timestamp {far} is ahead of the partition's {NOW} by more than 60 days")


def test_a_time_in_another_unit_is_recognised() -> None:
    unit, seconds = "; it looks like micro- or nanoseconds", "; it looks like seconds"
    assert unit in reason(message(timestamp=NOW * 1_000))
    assert unit in reason(message(timestamp=NOW * 1_000_000))
    assert unit not in reason(message(latitude=91))
    assert unit not in reason(message(timestamp=1.5))
    # seconds of a moment that would be allowed in milliseconds
    assert seconds in reason(message(timestamp=EARLIEST // 1_000))
    assert seconds not in reason(message(timestamp=EARLIEST // 1_000 - 1))


def test_a_time_is_compared_with_the_earliest_and_then_with_kafkas() -> None:
    assert reason(message(timestamp=EARLIEST - 1)) == (
        f"timestamp {EARLIEST - 1} is before the earliest allowed, {EARLIEST}; it looks like seconds, "
        "milliseconds are expected"
    )
    assert reason(message(timestamp=EARLIEST), EARLIEST - SKEW_MS - 1) == (
        f"timestamp {EARLIEST} is ahead of Kafka's {EARLIEST - SKEW_MS - 1} by more than 0:05:00"
    )
    assert "ahead of Kafka's 0 by" in reason(message(), 0)
    assert "the message has no Kafka timestamp (-1)" in reason(message(), -1)


@pytest.mark.parametrize("currency", ["AAA", "ZZZ"])
def test_the_first_and_the_last_code_are_currencies(currency: str) -> None:
    assert isinstance(AdmissionFilter(V1, SETTINGS).validate(message(currency=currency), NOW), Admitted)
    assert "is outside" in reason(message(currency=currency, amount="-0.01"))


def test_the_reason_for_an_amount_names_its_bounds_and_how_to_have_refunds() -> None:
    refunds = "; definitions that have refunds say so"
    below, above = reason(message(amount="-0.01")), reason(message(amount="100000000.01"))
    assert "amount -0.01 is outside 0 to 10000000000 minor units of EUR" in below
    assert refunds in below
    assert refunds not in above
    # where refunds are allowed, the bound is the same on both sides
    fields = [replace(one, allows_refunds=one.name == "amount") for one in V1.fields]
    admission = AdmissionFilter(Definitions("test", tuple(fields), V1.features), SETTINGS)
    assert isinstance(admission.validate(message(amount="-100000000.00"), NOW), Admitted)
    refused = admission.validate(message(amount="-100000000.01"), NOW)
    assert refused == Refused(
        "amount -100000000.01 is outside -10000000000 to 10000000000 minor units of EUR"
    )


@pytest.mark.parametrize(
    ("lateness", "step"),
    [(timedelta(days=2), timedelta(days=1)), (timedelta(), timedelta(minutes=1))],
    ids=["half of the lateness", "at least a minute"],
)
def test_how_far_one_message_moves_the_clock(lateness: timedelta, step: timedelta) -> None:
    limits = AdmissionFilter(V1, AdmissionSettings(lateness=lateness)).limits
    assert (limits.lateness, limits.step) == (
        lateness // timedelta(milliseconds=1),
        step // timedelta(milliseconds=1),
    )


def test_the_largest_amounts_follow_rates_and_decimals() -> None:
    settings = AdmissionSettings(per_euro={"JPY": 160.0, "KWD": 0.34, "XXX": 1e15})
    # a hundred million euros
    assert max_amounts(settings) == {"JPY": 16_000_000_000, "KWD": 34_000_000_000, "XXX": MAX_UNITS}
    # and the partitions share the table
    first, second = AdmissionFilter(V1, settings).limits, AdmissionFilter(V1, settings).limits
    assert first.max_amounts.shape == (LETTERS**3,)
    assert first.max_amounts is second.max_amounts


def keyed(key: bytes | None, partition: int, **changes: Any) -> Admitted | Refused:
    settings = AdmissionSettings(keys="require", **changes)
    return AdmissionFilter(V1, settings, partition=partition).validate(message(card_id="c"), NOW, key)


def test_a_key_is_required_only_where_the_settings_say_so() -> None:
    assert AdmissionFilter(V1, SETTINGS).needs_keys is False
    assert isinstance(AdmissionFilter(V1, SETTINGS).validate(message(), NOW, b"other"), Admitted)
    assert isinstance(keyed(b"c", 0), Admitted)
    assert keyed(None, 0) == Refused("the message has no key; the key must be the card_id")
    assert keyed(b"other", 0) == Refused("the key is not the card_id")
    # and of four partitions one is right
    admitted = [number for number in range(4) if isinstance(keyed(b"c", number, partitions=(4,)), Admitted)]
    assert len(admitted) == 1


def test_the_partition_is_the_first_unless_it_is_named() -> None:
    settings = AdmissionSettings(keys="require", partitions=(1,))
    assert isinstance(AdmissionFilter(V1, settings).validate(message(), NOW, b"c"), Admitted)
