"""The features that profiles yield, on payments that can be counted by hand."""

import math
from datetime import timedelta
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS, HOUR_MS
from fraud.definitions.fields import UNKNOWN
from fraud.definitions.loading import parse_definitions
from fraud.labels.history import LabelHistory
from fraud.profiles.joined import joined_profiles
from fraud.profiles.values import NO_MOMENT, ProfileValues
from tests.fraud.definitions.files import CORE

TEXT = (
    CORE
    + """\
profiles: {every: 1h}
features:
  - {name: amount, transform: value, of: amount}
  - {name: payments, profile: device_id, value: count, window: 1d}
  - {name: frauds, profile: device_id, value: frauds, window: 1d}
  - {name: rate, profile: device_id, value: fraud_rate, window: 1d}
  - {name: mean, profile: device_id, value: amount_mean, window: 1d}
  - {name: std, profile: device_id, value: amount_std, window: 1d}
  - {name: ratio, profile: device_id, value: amount_ratio, window: 1d}
  - {name: zscore, profile: device_id, value: amount_zscore, window: 1d}
  - {name: age, profile: device_id, value: age, window: 1d}
"""
)
NAMES = ("payments", "frauds", "rate", "mean", "std", "ratio", "zscore", "age")
START = 19_000 * DAY_MS


@pytest.fixture(scope="module")
def definitions() -> Definitions:
    return parse_definitions(TEXT, "profiles.yaml")


def features_of(
    definitions: Definitions, *payments: tuple[int, float, int], frauds: dict[int, float] | None = None
) -> list[dict[str, float]]:
    """Of payments of a device, hours after the start and an amount; hours at which frauds are reported."""
    devices, hours, amounts = (np.array(column) for column in zip(*payments, strict=True))
    reported = sorted((frauds or {}).items())
    history = LabelHistory(
        len(payments),
        np.array([row for row, _ in reported], dtype=np.int64),
        np.array([START + hour * HOUR_MS for _, hour in reported], dtype=np.int64),
        np.ones(len(reported), dtype=np.bool_),
    )
    times = (START + hours * HOUR_MS).astype(np.int64)
    rows = joined_profiles(
        definitions, {"device_id": devices}, times, amounts, history, timedelta(minutes=15)
    )
    return [dict(zip(NAMES, row, strict=True)) for row in rows.tolist()]


def test_a_profile_holds_the_payments_before_its_moment(definitions: Definitions) -> None:
    # given three payments of a device, one reported at half past two, and one payment at four
    payments = [(7, 0.5, 100), (7, 1.5, 300), (7, 3.9, 10_000), (7, 4.5, 400)]
    *_, last = features_of(definitions, *payments, frauds={0: 2.5})
    # then the last one knows all of them, in whole periods
    assert last["payments"] == 3
    assert last["frauds"] == 1
    assert last["rate"] == pytest.approx(1 / 3)
    assert last["mean"] == pytest.approx(10_400 / 3)
    assert last["std"] == pytest.approx(np.std([100, 300, 10_000]))
    assert last["ratio"] == pytest.approx(400 / (10_400 / 3))
    assert last["zscore"] == pytest.approx((400 - 10_400 / 3) / np.std([100, 300, 10_000]), rel=1e-6)
    assert last["age"] == pytest.approx(4 / 24)


def test_profiles_are_there_after_the_delay(definitions: Definitions) -> None:
    # given a payment at half past, and others before and after the delay of a quarter of an hour
    found = features_of(definitions, (7, 0.5, 100), (7, 1.2, 100), (7, 1.25, 100))
    # then only the later one knows the period before
    assert [one["payments"] for one in found] == [0, 0, 1]


def test_new_and_unknown_are_different(definitions: Definitions) -> None:
    # given a device that is seen first, and a payment without a device
    new, unknown = features_of(definitions, (7, 5, 100), (0, 5, 100))
    # then
    assert [new[name] for name in ("payments", "frauds", "age")] == [0, 0, 0]
    assert all(math.isnan(new[name]) for name in ("rate", "mean", "std", "ratio", "zscore"))
    assert all(math.isnan(value) for value in unknown.values())


def test_an_unknown_amount_is_a_payment_and_no_sum(definitions: Definitions) -> None:
    *_, last = features_of(definitions, (7, 0, UNKNOWN), (7, 1, 100), (7, 9, UNKNOWN))
    assert (last["payments"], last["mean"]) == (2, 100)
    assert math.isnan(last["ratio"])


def test_what_is_older_than_the_window_is_forgotten(definitions: Definitions) -> None:
    *_, last = features_of(definitions, (7, 0, 100), (7, 20, 100), (7, 30.5, 100), frauds={0: 1.0, 1: 29.0})
    assert (last["payments"], last["frauds"]) == (1, 1)
    assert last["age"] == pytest.approx(10 / 24)


def test_features_of_several_fields_are_those_that_each_has_alone() -> None:
    # given every operation of three fields, some keys absent, and some payments without a moment
    of_amounts = (f"amount_{one}" for one in ("mean", "std", "ratio", "zscore"))
    values = ("count", "frauds", "fraud_rate", *of_amounts, "age")
    fields, generator = ("device_id", "merchant_id", "entry_mode"), np.random.default_rng(5)
    lines = [
        f"  - {{name: {field}_{value}_{window}, profile: {field}, value: {value}, window: {window}}}\n"
        for value, field, window in product(values, fields, ("1d", "7d"))
    ]
    head = TEXT[: TEXT.index("  - {name: payments")]
    together = ProfileValues(parse_definitions(head + "".join(lines), "all.yaml"))
    figures = {
        (field, column): generator.integers(-1, 1 << 20, 40) * generator.integers(0, 2, 40)
        for field, columns in together.columns.items()
        for column in columns
    }
    keys = {field: generator.integers(0, 4, 40) for field in fields}
    moments = np.where(generator.random(40) < 0.1, NO_MOMENT, generator.integers(0, 1 << 20, 40))
    amounts = np.where(generator.random(40) < 0.1, UNKNOWN, generator.integers(-100, 1 << 20, 40))

    def computed(one: ProfileValues) -> npt.NDArray[np.float32]:
        profiles = {
            field: np.stack([figures[field, column] for column in columns], axis=1)
            for field, columns in one.columns.items()
        }
        return one.compute(profiles, keys, moments, amounts)

    # when each is computed alone
    alone = [computed(ProfileValues(parse_definitions(head + line, "one.yaml")))[:, 0] for line in lines]
    # then the result is the same to the bit
    assert computed(together).tobytes() == np.column_stack(alone).tobytes()
