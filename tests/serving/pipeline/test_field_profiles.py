"""The tables of profiles of ids and categories, and the features of payments that use them."""

import math
from collections.abc import Mapping

import numpy as np
import pytest

from fraud.definitions.definitions import Definitions
from fraud.definitions.loading import parse_definitions
from fraud.features.events import Events
from fraud.profiles.history import NEVER
from fraud.profiles.layout import profile_columns
from fraud.profiles.values import NO_MOMENT
from serving.pipeline.field_profiles import _FIRST_SIZE, KeyTable, ServedProfiles
from serving.pipeline.profile_runs import ProfileRun
from tests.fraud.definitions.files import CORE

TEXT = (
    CORE
    + """\
profiles: {every: 1h}
features:
  - {name: amount, transform: value, of: amount}
  - {name: payments, profile: device_id, value: count, window: 1d}
  - {name: age, profile: device_id, value: age, window: 1d}
  - {name: merchant_frauds, profile: merchant_id, value: frauds, window: 1d}
"""
)
MOMENT = 480_000


@pytest.fixture(scope="module")
def definitions() -> Definitions:
    return parse_definitions(TEXT, "profiles.yaml")


@pytest.fixture
def profiles(definitions: Definitions) -> ServedProfiles:
    return ServedProfiles(definitions)


def run_of(
    rows: Mapping[str, Mapping[int, list[int]]],
    moment: int = MOMENT,
    unfinished: Mapping[str, list[int]] | None = None,
) -> ProfileRun:
    """Of rows by field and key, at least one of each field."""
    return ProfileRun(
        moment,
        {field: np.array([*of_key], dtype=np.int64) for field, of_key in rows.items()},
        {field: np.array([*of_key.values()], dtype=np.int64) for field, of_key in rows.items()},
        {field: np.array(keys, dtype=np.int64) for field, keys in (unfinished or {}).items()},
    )


def events(definitions: Definitions, *payments: tuple[int, int]) -> Events:
    """Payments of a device and a merchant."""
    made = Events.empty(len(payments), definitions)
    for name, column in zip(("device_id", "merchant_id"), np.array(payments).T, strict=True):
        made.values[:, definitions.field_index[name]] = column
    return made


def test_a_payment_has_the_profiles_of_its_keys(definitions: Definitions, profiles: ServedProfiles) -> None:
    # given a device with three payments since two hours, and a merchant with a fraud
    profiles.apply(run_of({"device_id": {7: [3, MOMENT - 2]}, "merchant_id": {9: [1]}}))
    # when payments of two partitions come
    moments, rows = profiles.compute([events(definitions, (7, 9)), events(definitions, (8, 9), (0, 5))])
    # then a device that has none is new, and of one that is absent nothing is known
    assert moments.tolist() == [MOMENT] * 3
    np.testing.assert_array_equal(
        rows, np.array([[3, 2 / 24, 1], [0, 0, 1], [math.nan, math.nan, 0]], dtype=np.float32)
    )


def test_before_the_first_run_nothing_is_known(definitions: Definitions, profiles: ServedProfiles) -> None:
    moments, rows = profiles.compute([events(definitions, (7, 9))])
    assert moments.tolist() == [NO_MOMENT]
    assert np.isnan(rows).all()


def test_keys_of_an_unfinished_run_have_no_moment_until_it_is_complete(
    definitions: Definitions, profiles: ServedProfiles
) -> None:
    # given a start between two runs: the next one has rows of two devices, of which one has an earlier row
    profiles.apply(run_of({"device_id": {7: [3, NEVER]}}))
    profiles.apply(run_of({}, unfinished={"device_id": [7, 8], "merchant_id": []}))
    payments = [events(definitions, (7, 9), (8, 9), (6, 9))]
    # when payments come before and after the run is complete
    before, rows = profiles.compute(payments)
    profiles.apply(run_of({"device_id": {8: [2, NEVER]}}, MOMENT + 1))
    after, _ = profiles.compute(payments)
    # then what the other device's row replaces is not known before
    assert before.tolist() == [MOMENT, NO_MOMENT, MOMENT]
    assert np.isnan(rows[1]).all()
    assert after.tolist() == [MOMENT + 1] * 3


def test_the_table_grows(definitions: Definitions) -> None:
    # given many keys in two runs
    table = KeyTable(profile_columns(definitions, "device_id"))
    keys = np.arange(1, 3_001)
    table.upsert(keys, np.column_stack([keys, keys]))
    table.upsert(np.array([5, 4_000]), np.array([[1, 1], [2, 2]]))
    # then
    assert len(table) == 3_001
    assert table.lookup(np.array([5, 3_000, 4_000, 9_999]))[:, 0].tolist() == [1, 3_000, 2, 0]


def test_a_key_whose_figures_are_empty_again_is_forgotten(definitions: Definitions) -> None:
    # given keys of which some have no payment in any window any more
    table = KeyTable(profile_columns(definitions, "device_id"))
    keys = np.arange(1, 1_001)
    table.upsert(keys, np.column_stack([keys, keys]))
    table.upsert(keys[:600], np.tile([0, NEVER], (600, 1)))
    # when others come
    table.upsert(keys[:400] + 5_000, np.column_stack([keys[:400], keys[:400]]))
    # then these have the rows, and the former keys are new
    assert len(table) == 800
    assert table.lookup(np.array([1, 600, 601, 5_001, 5_400])).tolist() == [
        [0, NEVER], [0, NEVER], [601, 601], [1, 1], [400, 400],
    ]  # fmt: skip
    assert len(table._figures) == _FIRST_SIZE
