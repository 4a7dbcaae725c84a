"""Traffic where cards are blocked: after a report a card is silent, and its holder gets another one."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from producer.live import LiveTraffic
from producer.scenario import SimulationScenario, load_scenario
from producer.simulator import DayOfTraffic, Simulator
from producer.simulator.cardholders import midnight_ms
from producer.simulator.draws import DAY_MS, HOUR_MS
from producer.simulator.frauds import LOOK_BACK_DAYS
from producer.simulator.planned import planned_attacks
from producer.wire import transaction_messages
from tests.definitions import V1
from tests.producer.conftest import SEED, START

DAYS = 45


@pytest.fixture(scope="module")
def second() -> SimulationScenario:
    return load_scenario("v2/small", cards=4_000, merchants=800)


@pytest.fixture(scope="module")
def days(second: SimulationScenario) -> list[DayOfTraffic]:
    simulator = Simulator(second, SEED, START)
    return [simulator.day(START + timedelta(days=number)) for number in range(DAYS)]


@pytest.fixture(scope="module")
def payments(days: list[DayOfTraffic]) -> pd.DataFrame:
    """All payments, with the truth, the holder, and when fraud with the card was first truly reported."""
    paid = pd.concat([day.transactions.to_pandas() for day in days], ignore_index=True)
    truth = pd.concat([day.truth.to_pandas() for day in days], ignore_index=True)
    labels = pd.concat([day.labels.to_pandas() for day in days], ignore_index=True)
    paid["is_fraud"] = truth["is_fraud"]
    paid["holder"] = paid["card_id"].str.rsplit("-", n=1).str[0]
    frauds = set(truth.loc[truth["is_fraud"], "transaction_id"])
    true = labels[labels["is_fraud"] & labels["transaction_id"].isin(frauds)]
    paid["reported_at"] = paid["card_id"].map(true.groupby("card_id")["reported_at"].min())
    assert isinstance(paid, pd.DataFrame)
    return paid


def test_no_card_pays_after_fraud_with_it_was_reported(payments: pd.DataFrame) -> None:
    reported = payments.dropna(subset="reported_at")

    assert reported["card_id"].nunique() > 100
    assert (reported["timestamp"] < reported["reported_at"]).all()


def test_its_holder_gets_a_new_card_after_days_and_keeps_the_habits(payments: pd.DataFrame) -> None:
    # given the holders whose card was blocked in the first half of the days
    half = midnight_ms(START) + DAYS // 2 * DAY_MS
    old = payments[payments["reported_at"] < half]
    blocked = old.groupby("holder")["reported_at"].min()
    old = old[old["reported_at"] == old["holder"].map(blocked)]
    # when
    own = payments[payments["holder"].isin(blocked.index) & ~payments["is_fraud"]]
    after = own[own["timestamp"] > own["holder"].map(blocked)]
    waited = after.groupby("holder")["timestamp"].min() - blocked
    # then nearly all pay again, none at once, and with another card
    assert len(waited.dropna()) > 0.9 * len(blocked)
    assert waited.min() > 0
    assert 1 < waited.median() / DAY_MS < 8
    assert not set(after["card_id"]) & set(old["card_id"])
    # and at the merchants that they paid before
    known = set(zip(old["holder"], old["merchant_id"], strict=True))
    same = [pair in known for pair in zip(after["holder"], after["merchant_id"], strict=True)]
    assert np.mean(same) > 0.3


def test_thieves_pay_less_often_with_a_card_than_where_none_is_blocked(second: SimulationScenario) -> None:
    # given the same campaigns
    endless = second.model_copy(update={"blocks": None})
    # when
    kept, all_of_them = (
        sum(sum(simulator.day(START + timedelta(days=n)).truth["is_fraud"].to_pylist()) for n in range(10))
        for simulator in (Simulator(second, SEED, START), Simulator(endless, SEED, START))
    )
    # then
    assert 0.4 * all_of_them < kept < 0.9 * all_of_them


def test_as_many_frauds_are_reported_as_the_scenario_says(
    second: SimulationScenario, days: list[DayOfTraffic]
) -> None:
    # given
    frauds = {one for day in days for one in _frauds(day)}
    labels = pd.concat([day.labels.to_pandas() for day in days])
    # when
    true = labels[labels["is_fraud"] & labels["transaction_id"].isin(frauds)]
    reviewed = labels[(labels["source"] == "analyst") & labels["transaction_id"].isin(frauds)]
    # then
    assert 1 - true["transaction_id"].nunique() / len(frauds) <= second.labels.never + 0.02
    assert len(reviewed) / len(frauds) > 0.05
    assert (true["source"] == "customer").any()


def _frauds(day: DayOfTraffic) -> set[str]:
    return set(day.truth.filter(day.truth["is_fraud"])["transaction_id"].to_pylist())


def test_a_day_of_a_history_does_not_depend_on_which_of_its_days_were_made(
    second: SimulationScenario, days: list[DayOfTraffic]
) -> None:
    # given a simulator that has made a later day before
    simulator = Simulator(second, SEED, START)
    simulator.day(START + timedelta(days=DAYS + 20))
    # when
    alone = simulator.day(START + timedelta(days=25))
    # then
    assert transaction_messages(V1, alone.delivered()) == transaction_messages(V1, days[25].delivered())
    assert alone.labels.equals(days[25].labels)
    assert alone.truth.equals(days[25].truth)


def test_a_history_that_starts_later_has_the_same_cards_but_for_the_oldest_blocks(
    second: SimulationScenario, days: list[DayOfTraffic]
) -> None:
    # given
    day = START + timedelta(days=25)
    later = Simulator(second, SEED, START + timedelta(days=20)).day(day)
    # when
    cards, of_later = (set(one.transactions["card_id"].to_pylist()) for one in (days[25], later))
    # then what differs was replaced about when the later history's blocks begin, and long before its start
    origin = midnight_ms(START) // DAY_MS + 20 - LOOK_BACK_DAYS
    issued = np.array([int(card.rsplit("-", 1)[1]) for card in cards - of_later])
    assert len(issued)
    assert (issued < origin + 60).all()
    assert len(cards & of_later) > 0.9 * len(cards)


def test_another_seed_blocks_other_cards(second: SimulationScenario, days: list[DayOfTraffic]) -> None:
    other = Simulator(second, SEED + 1, START).day(START)

    assert not other.transactions["card_id"].equals(days[0].transactions["card_id"])


def test_cards_had_been_replaced_before_the_history_started(days: list[DayOfTraffic]) -> None:
    issued = [int(one.rsplit("-", 1)[1]) for one in days[0].transactions["card_id"].to_pylist()]
    age = midnight_ms(START) // DAY_MS - np.array(issued)

    # scheduled ones are spread over the lifetime, so as many in any hundred days
    assert (age < 100).sum() > 1.2 * ((age >= 500) & (age < 600)).sum()


def test_a_planned_attack_happens_and_blocks_its_cards(second: SimulationScenario) -> None:
    # given attacks on one morning
    simulator, first = Simulator(second, SEED, START), midnight_ms(START) + 6 * HOUR_MS
    attacks = planned_attacks(simulator.world, second, first, first + 4 * HOUR_MS, 2)
    simulator.day(START)
    # when
    simulator.plan(*attacks)
    made = [simulator.day(START + timedelta(days=number)) for number in range(30)]
    # then the first payments of them are among the day's
    labels = pd.concat([day.labels.to_pandas() for day in made])
    paid = pd.concat([day.transactions.to_pandas() for day in made])
    attacked = {f"card-{card:07d}" for card in np.unique(attacks[0].card)}
    frauds = paid[paid["transaction_id"].isin({one for day in made for one in _frauds(day)})]
    hit = frauds[frauds["card_id"].str.rsplit("-", n=1).str[0].isin(attacked)]
    assert hit["card_id"].nunique() >= len(attacked) - 1
    # and what is reported of them stops their cards
    true = labels[labels["is_fraud"] & labels["transaction_id"].isin(hit["transaction_id"])]
    reported = true.groupby("card_id")["reported_at"].min()
    own = paid[paid["card_id"].isin(reported.index)]
    assert len(reported) > len(attacked) / 2
    assert (own["timestamp"] < own["card_id"].map(reported)).all()


def test_live_payments_at_a_rate_are_of_cards_that_are_not_blocked(second: SimulationScenario) -> None:
    # given
    simulator, noon = Simulator(second, SEED, START), midnight_ms(START) + 12 * HOUR_MS
    traffic = LiveTraffic(simulator, noon)
    # when
    batch = traffic.draw(noon + 10 * np.arange(20_000))
    # then there is one for each moment
    assert batch.transactions.num_rows == 20_000
    # and of the cards that are blocked then, hardly any (an hour before, it was not)
    blocks, every = simulator.names.blocks_on(START), np.arange(len(simulator.world.cards))
    assert blocks is not None
    blocked = every[blocks.are_blocked(every, np.full(len(every), noon))]
    honest = batch.payments.card[batch.campaign < 0]
    assert len(blocked) > 10
    assert np.isin(honest, blocked).mean() < 0.2 * len(blocked) / len(every)
