"""A snapshot whose amounts were converted by rates that have changed since is not used."""

import io
from pathlib import Path

import pytest

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS
from fraud.definitions.loading import load_definitions
from fraud.messages.admission import AdmissionFilter
from fraud.money.rates import DailyRates
from fraud.settings import AdmissionSettings
from serving.state.partition_state import PartitionState
from serving.state.snapshot_format import SnapshotOrigin, UnusableSnapshotError, decode, encode
from tests.definitions import V1
from tests.definitions.base import write_v1_in_euros

ADMISSION = AdmissionSettings()
DAY = 20_000
NOW = DAY * DAY_MS + DAY_MS // 2
RATES = {(day, "USD"): 2 * 10**9 for day in range(DAY - 80, DAY)}


@pytest.fixture
def euros(tmp_path: Path) -> Definitions:
    definitions = load_definitions(write_v1_in_euros(tmp_path, "2024-01-01,USD,2\n"))
    put(definitions, {})
    return definitions


def put(definitions: Definitions, changed: dict[tuple[int, str], int]) -> None:
    assert definitions.money is not None
    definitions.money.rates.replace(DailyRates("EUR", RATES | changed))


def state_now(definitions: Definitions) -> PartitionState:
    return PartitionState(3, 17, AdmissionFilter(definitions, ADMISSION, max_event_time=NOW))


def snapshot_of(state: PartitionState) -> bytes:
    definitions, admission = state.admission.definitions, state.admission
    return encode(
        origin_of(definitions), 17, NOW, state.cards.dump(), tuple(admission.state),
        rates=state.rates_used.mark(admission), key=b"a key",
    )  # fmt: skip


def origin_of(definitions: Definitions) -> SnapshotOrigin:
    return SnapshotOrigin("t", "id", 3, ADMISSION.model_dump_json(), definitions.state_digest)


def read(definitions: Definitions, snapshot: bytes) -> PartitionState:
    return decode(io.BytesIO(snapshot), origin_of(definitions), definitions, ADMISSION, key=b"a key")


def test_rates_of_later_days_and_of_long_ago_do_not_matter(euros: Definitions) -> None:
    # given
    snapshot = snapshot_of(state_now(euros))
    # when
    put(euros, {(DAY, "USD"): 10**9, (DAY + 1, "USD"): 10**9, (DAY - 70, "USD"): 10**9})
    # then
    assert read(euros, snapshot).position == 17


@pytest.mark.parametrize("changed", [{(DAY - 1, "USD"): 10**9}, {(DAY - 20, "GBP"): 10**9}])
def test_a_rate_that_was_corrected_or_came_late_costs_a_replay(
    euros: Definitions, changed: dict[tuple[int, str], int]
) -> None:
    # given
    snapshot = snapshot_of(state_now(euros))
    # when
    put(euros, changed)
    # then
    with pytest.raises(UnusableSnapshotError, match="rates of the days before its payments have changed"):
        read(euros, snapshot)


def test_a_state_that_was_made_by_former_and_new_rates_is_not_used_either(euros: Definitions) -> None:
    # given a state, in which amounts stay as they are when a rate is corrected
    state = state_now(euros)
    put(euros, {(DAY - 1, "USD"): 10**9})
    # when its snapshot is made after that
    snapshot = snapshot_of(state)
    # then it is not the snapshot of the present rates, and a state of these alone is
    with pytest.raises(UnusableSnapshotError, match="rates"):
        read(euros, snapshot)
    assert read(euros, snapshot_of(state_now(euros))).position == 17


def test_a_new_day_of_rates_changes_no_state(euros: Definitions) -> None:
    # given
    state = state_now(euros)
    # when
    put(euros, {(DAY, "USD"): 10**9})
    # then
    assert read(euros, snapshot_of(state)).position == 17


def test_a_correction_is_forgotten_when_the_payments_from_before_are(euros: Definitions) -> None:
    # given
    state = state_now(euros)
    put(euros, {(DAY - 1, "USD"): 10**9})
    state.rates_used.observe(NOW)
    # when
    later = AdmissionFilter(euros, ADMISSION, max_event_time=NOW + euros.history_ms + 30 * DAY_MS)
    mark = state.rates_used.mark(later)
    # then
    assert mark is not None
    assert mark.digest() != "several"


def test_without_a_base_snapshots_say_nothing_of_rates() -> None:
    state = PartitionState(3, 17, AdmissionFilter(V1, ADMISSION, max_event_time=NOW))
    assert state.rates_used.mark(state.admission) is None
    assert b'"rates"' not in snapshot_of(state)
