"""`fraud simulate`: which options go together, where live payments start, what is said of their pace."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import Producer

from deployments.cli.data.simulate import _live_request, _moment
from deployments.cli.data.simulate_live import LiveRequest, LiveRun, newest_payment, warning
from deployments.demo.outcomes import read_live_truth
from fraud.errors import ConfigurationError
from fraud.kafka.clients import producer_config
from fraud.lake import open_lake
from fraud.machine.console import Console
from fraud.settings import Settings
from producer.history import HistoryPeriod, publish_history
from producer.publisher import Publisher
from producer.scenario import Campaigns, load_scenario
from producer.simulator import Simulator
from producer.simulator.planned import PLANNED

HOUR_MS = 3_600_000


def request(
    live: bool = False,
    rate: float | None = None,
    speed: float | None = None,
    attacks: int = 0,
    duration: float | None = None,
    end: str = "now",
) -> LiveRequest | None:
    return _live_request(live, rate, speed, attacks, duration, end)


def test_a_history_alone_has_no_live_payments() -> None:
    assert request(end="yesterday") is None


def test_live_payments_come_at_the_cards_own_pace_unless_a_rate_is_given() -> None:
    assert request(live=True) == LiveRequest(None, None, 0, None)
    assert request(rate=50.0, duration=3.0) == LiveRequest(50.0, None, 0, 3.0)
    assert request(speed=600.0, attacks=2, end="yesterday") == LiveRequest(None, 600.0, 2, None)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"rate": 0.0}, "--rate 0.0 must lie above 0"),
        ({"speed": 1.0}, "--speed 1.0 must lie above 1"),
        ({"rate": 5.0, "speed": 60.0}, "--rate and --speed exclude each other"),
        ({"live": True, "attacks": 1}, "give --speed too"),
        ({"live": True, "end": "yesterday"}, "leave --end out, or give --speed"),
        ({"duration": 5.0}, "--duration is that of live payments"),
    ],
)
def test_options_that_do_not_go_together_are_one_sentence(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        request(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(("end", "ago"), [("now", 0), ("yesterday", 24), ("36h", 36), ("2d", 48)])
def test_a_history_may_end_some_time_ago(end: str, ago: int) -> None:
    apart = datetime.now(UTC) - timedelta(hours=ago) - _moment(end)

    assert abs(apart) < timedelta(seconds=5)


def test_an_end_that_is_no_time_names_what_is_one() -> None:
    with pytest.raises(ConfigurationError, match="36h or 2d"):
        _moment("last week")


def test_a_rate_far_above_the_cards_pace_says_what_to_expect() -> None:
    text = warning(50.0, 688.0, 3_000)

    assert "50 payments/s are 688 times what 3,000 cards pay" in text
    assert "expect alerts on 10 to 20 % of the payments" in text
    assert "simulate 2,064,000 cards" in text


@pytest.mark.broker
@pytest.mark.parametrize(("rate", "warns"), [(0.05, False), (400.0, True)])
def test_the_warning_comes_only_beyond_a_plausible_pace(settings: Settings, rate: float, warns: bool) -> None:
    # given 1,500 cards, which pay 0.04 times a second
    console = Console(record=True, width=200)
    simulator = Simulator(load_scenario("small", cards=1_500, merchants=400), 5, datetime.now(UTC).date())
    # when
    with Publisher(settings, linger_ms=5) as publisher:
        run = LiveRun(settings, publisher, simulator, None, console)
        run.run(LiveRequest(rate, None, 0, 0.5), None)
    # then
    assert ("expect alerts" in console.export_text()) == warns


@pytest.mark.broker
def test_a_faster_clock_starts_at_the_newest_payment(settings: Settings) -> None:
    # given payments of two cards, the newest an hour old
    now = int(time.time() * 1_000)
    producer = Producer(producer_config(settings))
    for number, hours in enumerate((5, 1, 3)):
        producer.produce(
            settings.topics.transactions, b"{}", key=str(number), timestamp=now - hours * HOUR_MS
        )
    assert producer.flush(30) == 0
    # then
    assert newest_payment(settings, now) == now - HOUR_MS
    # and what is too long ago is not made up for
    with pytest.raises(ConfigurationError, match="31 days at most"):
        newest_payment(settings, now + 40 * 24 * HOUR_MS)


@pytest.mark.broker
def test_a_faster_clock_needs_a_history(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="fraud simulate --end yesterday"):
        newest_payment(settings, int(time.time() * 1_000))


@pytest.mark.broker
def test_live_frauds_happen_for_certain_where_attacks_are_planned(settings: Settings) -> None:
    # given a history of few cards that ends six hours ago, and no fraud by chance
    world = load_scenario("demo", cards=300, merchants=200)
    starts = {name: {"starts_per_day": 0.0} for name in type(world.campaigns).model_fields}
    calm = world.model_copy(update={"campaigns": _changed(world.campaigns, starts)})
    span = HistoryPeriod.before(datetime.now(UTC) - timedelta(hours=6), days=1)
    simulator, console, lake = (
        Simulator(calm, 5, span.start),
        Console(record=True, width=200),
        open_lake(settings),
    )
    with Publisher(settings, linger_ms=5) as publisher:
        done = publish_history(settings, publisher, simulator, span, lake)
        # when the six hours are sent in about three seconds, an attack of each kind among them
        run = LiveRun(settings, publisher, simulator, lake, console)
        run.run(LiveRequest(None, 7_200.0, 1, 5.0), done.pending)
    # then
    assert done.frauds == 0
    truth = read_live_truth(lake)
    assert truth is not None
    assert set(truth["fraud_type"].drop_null().to_pylist()) == set(PLANNED)
    assert "7,200 times as fast" in console.export_text()


def _changed(campaigns: Campaigns, changes: dict[str, dict[str, float]]) -> Campaigns:
    changed = {name: getattr(campaigns, name).model_copy(update=one) for name, one in changes.items()}
    return campaigns.model_copy(update=changed)
