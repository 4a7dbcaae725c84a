"""Days of traffic: reproducible, complete, and without the answer in the question."""

from datetime import date, timedelta

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fraud.cards.numbers import holds_card_number
from producer.scenario import SimulationScenario, load_scenario
from producer.simulator import DayOfTraffic, Simulator, simulate
from producer.simulator.cardholders import midnight_ms
from producer.simulator.draws import DAY_MS
from producer.simulator.tables import transaction_ids
from producer.wire import transaction_messages
from tests.definitions import V1, V1Transaction
from tests.producer.conftest import SEED, START


def test_the_same_seed_gives_the_same_bytes(
    scenario: SimulationScenario, traffic: list[DayOfTraffic]
) -> None:
    again = next(simulate(scenario, SEED, START))

    assert transaction_messages(V1, again.delivered()) == transaction_messages(V1, traffic[0].delivered())
    assert again.labels.equals(traffic[0].labels)
    assert again.truth.equals(traffic[0].truth)


def test_another_seed_gives_other_payments(scenario: SimulationScenario, traffic: list[DayOfTraffic]) -> None:
    other = next(simulate(scenario, SEED + 1, START))

    assert not set(other.transactions["transaction_id"].to_pylist()) & set(
        traffic[0].transactions["transaction_id"].to_pylist()
    )


def test_a_day_does_not_depend_on_the_days_made_before_it(
    scenario: SimulationScenario, traffic: list[DayOfTraffic]
) -> None:
    alone = Simulator(scenario, SEED, START).day(START + timedelta(days=25))

    assert alone.transactions.equals(traffic[25].transactions)
    assert alone.labels.equals(traffic[25].labels)


def test_a_day_holds_its_own_payments_sorted_by_time(traffic: list[DayOfTraffic]) -> None:
    for day in traffic:
        times = day.transactions["timestamp"].to_numpy()
        assert (np.diff(times) >= 0).all()
        assert midnight_ms(day.day) <= times[0]
        assert times[-1] < midnight_ms(day.day) + DAY_MS


def test_transactions_have_the_fields_of_the_contract_and_no_other(transactions: pa.Table) -> None:
    assert transactions.column_names == [field.name for field in msgspec.structs.fields(V1Transaction)]
    assert transactions.schema.field("amount").type == pa.int64()


def test_identifiers_are_unique_over_days(transactions: pa.Table) -> None:
    assert pc.count_distinct(transactions["transaction_id"]).as_py() == transactions.num_rows


def test_no_identifier_is_taken_for_a_card_number() -> None:
    # given so many that some of 16 plain hexadecimal digits would look like one
    ids = transaction_ids(SEED, 0, 400_000).to_pylist()
    # then no payment is refused for its identifier
    assert [one for one in ids if holds_card_number(one)] == []
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("column", ["transaction_id", "card_id", "merchant_id", "currency"])
def test_no_identifier_gives_fraud_away(transactions: pa.Table, truth: pa.Table, column: str) -> None:
    """Neither the length nor the first or last character predicts more than chance."""
    fraud = truth["is_fraud"].to_numpy()
    texts = transactions[column].to_pylist()
    for sign in (len, lambda text: text[0], lambda text: text[-1]):
        signs = np.array([str(sign(text)) for text in texts])
        for value in np.unique(signs):
            chosen = signs == value
            if chosen.sum() > 500:
                assert fraud[chosen].mean() < 5 * fraud.mean()


def test_fraud_is_rare_and_of_every_kind(truth: pa.Table) -> None:
    kinds = {
        kind["values"]: kind["counts"]
        for kind in pc.value_counts(truth["fraud_type"].drop_null()).to_pylist()
    }

    assert set(kinds) == {"card_testing", "account_takeover", "merchant_collusion", "geographic_anomaly"}
    assert 0.003 <= pc.mean(truth["is_fraud"].cast(pa.float64())).as_py() <= 0.01
    assert all(count > 20 for count in kinds.values())


def test_a_truncated_day_is_the_beginning_of_the_whole(traffic: list[DayOfTraffic]) -> None:
    noon = midnight_ms(START) + DAY_MS // 2

    morning = traffic[0].until(noon)

    assert 0 < morning.transactions.num_rows < traffic[0].transactions.num_rows
    assert pc.max(morning.transactions["timestamp"]).as_py() <= noon
    assert set(morning.labels["transaction_id"].to_pylist()) <= set(
        morning.transactions["transaction_id"].to_pylist()
    )
    assert set(morning.delivered()["transaction_id"].to_pylist()) == set(
        morning.transactions["transaction_id"].to_pylist()
    )


def test_deliveries_are_all_made_some_twice_some_late() -> None:
    scenario = load_scenario(
        "small",
        cards=2_000,
        transport={"late": 0.1, "late_minutes": 60, "out_of_order": 0.0, "duplicated": 0.05},
    )

    day = next(simulate(scenario, SEED, START))

    delivered, count = day.delivered(), day.transactions.num_rows
    assert pc.count_distinct(delivered["transaction_id"]).as_py() == count
    assert (delivered.num_rows - count) / count == pytest.approx(0.05, abs=0.02)
    times = delivered["timestamp"].to_numpy()
    behind = times < np.maximum.accumulate(times) - 600_000
    assert behind.mean() == pytest.approx(0.1, abs=0.04)


def test_banks_issue_new_cards_to_the_same_people(scenario: SimulationScenario) -> None:
    simulator = Simulator(scenario, SEED, START)
    later = START + timedelta(days=200)

    def cards(day: date) -> set[str]:
        return set(simulator.day(day).transactions["card_id"].to_pylist())

    first, second = cards(START), cards(later)
    people = {card.rsplit("-", 1)[0] for card in first} & {card.rsplit("-", 1)[0] for card in second}
    same = {card.rsplit("-", 1)[0] for card in first & second}
    assert 0.65 < len(same) / len(people) < 0.95


def test_drift_changes_fraud_and_life_from_its_day_on() -> None:
    drift = load_scenario("drift", cards=3_000, merchants=600)
    simulator = Simulator(drift, SEED, START)
    first = drift.phases[0].after_days

    before, after = simulator.day(START), simulator.day(START + timedelta(days=-(-first // 7) * 7))

    assert (
        pc.mean(after.transactions["amount"]).as_py() > 1.1 * pc.mean(before.transactions["amount"]).as_py()
    )
    assert _online(after) > 1.1 * _online(before)


def _online(day: DayOfTraffic) -> float:
    share: float = pc.mean(pc.equal(day.transactions["channel"], "online").cast(pa.float64())).as_py()
    return share
