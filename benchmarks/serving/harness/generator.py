"""An open-loop load: the n-th transaction is due at `start + n / rate`, independent of the others.

It runs as its own process (`python -m benchmarks.serving.harness.generator`), on the clock that all
processes of a machine share. A reader that knows the start and the rate knows when each transaction was due,
so that a stall of the system, or of the generator, counts as latency instead of thinning the load. It prints
two lines: when the first transaction is due (ns, monotonic), and at the end the maximum delay (ms).
"""

import gc
import time
from typing import Annotated

import typer
from confluent_kafka import Producer

from benchmarks.serving.harness.shapes import V1, shape
from benchmarks.serving.harness.traffic import SyntheticTraffic, time_of
from fraud.kafka.clients import flush, producer_config
from fraud.settings import load_settings

_NAP_S = 0.001
_LEAD_NS = 300_000_000


def main(
    rate: Annotated[int, typer.Option(help="SyntheticTraffic a second.")],
    count: Annotated[int, typer.Option(help="SyntheticTraffic in all.")],
    cards: Annotated[int, typer.Option(help="Different cards.")],
    first: Annotated[int, typer.Option(help="The number of the first transaction.")],
    width: Annotated[str, typer.Option(help="The shape of the payments.")] = V1.name,
) -> None:
    """Send them on time."""
    settings = load_settings()
    topic = settings.topics.transactions
    producer = Producer(producer_config(settings, **{"linger.ms": 0}))
    traffic = SyntheticTraffic(cards, shape=shape(width))
    producer.list_topics(topic)
    gc.disable()
    start_ns = time.monotonic_ns() + _LEAD_NS
    print(start_ns, flush=True)
    sent, worst_ns = 0, 0
    while sent < count:
        now_ns = time.monotonic_ns()
        due = min(count, 1 + (now_ns - start_ns) * rate // 1_000_000_000)
        if due <= sent:
            time.sleep(_NAP_S)
            continue
        worst_ns = max(worst_ns, now_ns - start_ns - sent * 1_000_000_000 // rate)
        for number in range(first + sent, first + due):
            key, value = traffic.draw(number)
            producer.produce(topic, value, key, timestamp=time_of(number))
        sent = due
        producer.poll(0)
    flush(producer, 60)
    print(worst_ns / 1e6, flush=True)


if __name__ == "__main__":
    typer.run(main)
