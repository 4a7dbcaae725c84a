"""How fast a history reaches Kafka: simulated, encoded, acknowledged; beside a passthrough of ready bytes."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from fraud.definitions.loading import load_definitions
from fraud.kafka.topics import create_topics
from fraud.settings import Settings
from producer.history import HistoryPeriod, publish_history
from producer.publisher import Publisher
from producer.scenario import SimulationScenario, load_scenario
from producer.simulator import Simulator
from producer.wire import OutgoingMessages, transaction_messages


def measure_production(settings: Settings, scenario: str = "default", days: int = 30) -> dict[str, float]:
    """Rates (transactions per second) on the broker that the settings name; its topics grow.

    Returns:
        `produced_per_s`: simulated, encoded and acknowledged, labels included. `passthrough_per_s`: the same
        messages, encoded ahead, sent and acknowledged. `passthrough_ratio`: the first against the second.
        `simulated_per_s` and `encoded_per_s`: each step alone. `transactions`: how many.
    """
    create_topics(settings)
    world, span = load_scenario(scenario), HistoryPeriod.before(datetime.now(UTC), days)
    messages, simulated_s, encoded_s = _prepared(world, span)
    count = sum(len(batch) for batch in messages)
    passthrough_s = _timed(lambda: _send(settings, messages))
    messages.clear()
    produced_s = _timed(lambda: _produce(settings, world, span))
    return {
        "transactions": count,
        "produced_per_s": count / produced_s,
        "passthrough_per_s": count / passthrough_s,
        "passthrough_ratio": passthrough_s / produced_s,
        "simulated_per_s": count / simulated_s,
        "encoded_per_s": count / encoded_s,
    }


def _prepared(
    scenario: SimulationScenario, span: HistoryPeriod
) -> tuple[list[OutgoingMessages], float, float]:
    simulator, definitions = Simulator(scenario, 1, span.start), load_definitions()
    simulator.day(span.start)
    started = time.perf_counter()
    traffic = [simulator.day(day).until(span.end) for day in span.days()]
    simulated = time.perf_counter()
    messages = [transaction_messages(definitions, day.delivered()) for day in traffic]
    return messages, simulated - started, time.perf_counter() - simulated


def _send(settings: Settings, messages: list[OutgoingMessages]) -> None:
    with Publisher(settings) as publisher:
        for batch in messages:
            publisher.send(settings.topics.transactions, batch)


def _produce(settings: Settings, scenario: SimulationScenario, span: HistoryPeriod) -> None:
    with Publisher(settings) as publisher:
        publish_history(settings, publisher, Simulator(scenario, 1, span.start), span)


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
