"""`python -m benchmarks.gateway`: latency of decisions over HTTP, in turns with a bare echo.

All have the same broker, topics of the same layout, and the same load. The bar is 1.5 times the p50, p99 and
p99.9 of the echo of the same delivery mode, exactly once, and no answer that differs from the committed
decision. The echo at least once shows what the mode itself costs.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Annotated, Any

import msgspec
import numpy as np
import typer
from confluent_kafka import Consumer, KafkaError, TopicPartition

from benchmarks.results import Section, conditions, save_section
from benchmarks.serving.harness.processes import fetch, stop, wait_until
from benchmarks.serving.harness.testbed import (
    PARTITIONS,
    Testbed,
    environment,
    print_progress,
    testbed,
)
from benchmarks.serving.latency import warm_engine
from deployments.local.processes import free_port
from fraud.kafka.clients import consumer_config
from fraud.machine.ending import end_in_order
from fraud.schema import Prediction
from fraud.settings import Settings
from serving.gateway.auth.keys import KeyFile

_WARM_UP_S = 3.0
_FIRST = 200_000
"""Beyond the payments that warm the engine up."""

_PROMPT: dict[str, Any] = {
    "commit_interval_s": 0.1, "fetch_min_bytes": 1, "fetch_wait_s": 0.05, "linger_s": 0.0
}  # fmt: skip
"""Settings of serving for a gateway in front of it (docs/decisions/gateway.md)."""

_SAME_MODE = "echo, exactly once"
_SYSTEMS = ("echo, at least once", _SAME_MODE, "gateway")
_PERCENTILES = (50, 99, 99.9)
Outcomes = dict[str, str]


def main(
    rate: Annotated[int, typer.Option(help="Requests a second.")] = 500,
    seconds: Annotated[float, typer.Option(help="Of one turn.")] = 20.0,
    turns: Annotated[int, typer.Option(help="Of each system.")] = 3,
    save: Annotated[bool, typer.Option(help="Into RESULTS.md.")] = False,
) -> None:
    """Measure both in turns."""
    end_in_order()
    under = conditions()
    section = run(rate, seconds, turns)
    print("\n".join([f"## {section.title}", "", *section.table, ""]), flush=True)
    if save:
        save_section(section, under)


def run(rate: int, seconds: float, turns: int) -> Section:
    """Turns of the echo and of the gateway; then its answers against the committed log."""
    with testbed() as bed:
        settings = bed.settings("gateway", **_PROMPT)
        key = KeyFile(settings.gateway_keys).create("load", ["decide"], 1e6).text
        found: dict[str, list[list[float]]] = {name: [] for name in _SYSTEMS}
        answers: Outcomes = {}
        first = _FIRST
        with warm_engine(settings), _systems(bed, settings) as ports:
            for name in _SYSTEMS * turns:
                rows = _load(settings, ports[name], key, rate, seconds, first)
                first += len(rows)
                found[name].append(_percentiles(rows[int(_WARM_UP_S * rate) :]))
                if name == "gateway":
                    answers |= _outcomes(rows)
                print_progress(f"{name}: {[round(one, 1) for one in found[name][-1]]} ms")
        figures = _figures(found) | {"rate": rate, "seconds": seconds, "turns": turns}
        figures |= _compare(settings, answers)
    return Section("gateway", "Decisions over HTTP", figures, list(_table(figures)))


@contextmanager
def _systems(bed: Testbed, settings: Settings) -> Iterator[dict[str, int]]:
    """The port of each system."""
    at_least_once, exactly_once = bed.settings("echo1"), bed.settings("echo2", **_PROMPT)
    with (
        _echo(at_least_once) as first,
        _echo(exactly_once, "--exactly-once") as second,
        _gateway(settings) as third,
    ):
        yield dict(zip(_SYSTEMS, (first, second, third), strict=True))


@contextmanager
def _echo(settings: Settings, *arguments: str) -> Iterator[int]:
    port = free_port()
    with _processes(
        settings,
        ["-m", "benchmarks.gateway.echo_copy", *arguments],
        ["-m", "benchmarks.gateway.echo_http", "--port", str(port)],
    ) as processes:
        wait_until(lambda: bool(fetch(f"http://127.0.0.1:{port}/")), processes, settings)
        yield port


@contextmanager
def _gateway(settings: Settings) -> Iterator[int]:
    port = free_port()
    command = ["-m", "deployments.cli", "gateway", "--port", str(port)]
    with _processes(settings, command) as processes:
        url = f"http://127.0.0.1:{port}/ready"
        wait_until(lambda: "answering" in fetch(url), processes, settings)
        yield port


@contextmanager
def _processes(settings: Settings, *commands: list[str]) -> Iterator[list[subprocess.Popen[bytes]]]:
    env = environment(settings)
    with (settings.home / "log").open("ab") as log:
        started = [
            subprocess.Popen([sys.executable, *one], env=env, stdout=log, stderr=log) for one in commands
        ]
        try:
            yield started
        finally:
            stop(started)


def _load(settings: Settings, port: int, key: str, rate: int, seconds: float, first: int) -> list[list[Any]]:
    count = int((seconds + _WARM_UP_S) * rate)
    numbers = {"port": port, "rate": rate, "count": count, "first": first, "key": key}
    command = [sys.executable, "-m", "benchmarks.gateway.load"]
    command += [f"--{name}={value}" for name, value in numbers.items() if value != ""]
    done = subprocess.run(command, env=environment(settings), stdout=subprocess.PIPE, check=True)
    rows: list[list[Any]] = json.loads(done.stdout)
    return rows


def _percentiles(rows: list[list[Any]]) -> list[float]:
    refused = [row[1:] for row in rows if row[1] != 200]
    if refused:
        raise RuntimeError(f"{len(refused)} requests were refused, such as {refused[0]}")
    taken = np.array([row[0] for row in rows])
    return [float(one) for one in np.percentile(taken, _PERCENTILES)]


def _outcomes(rows: list[list[Any]]) -> Outcomes:
    answers = [json.loads(row[2]) for row in rows]
    return {
        one["transaction_id"]: one["outcome"] if one["status"] == "decided" else "fallback" for one in answers
    }


def _compare(settings: Settings, answers: Outcomes) -> dict[str, int]:
    """How many answers were decisions, and how many of these are not the committed one."""
    committed = _committed(settings)
    decided = {name: outcome for name, outcome in answers.items() if outcome != "fallback"}
    wrong = [name for name, outcome in decided.items() if committed.get(name) != outcome]
    return {
        "answers": len(answers),
        "fallbacks": len(answers) - len(decided),
        "mismatches": len(wrong),
    }


def _committed(settings: Settings) -> Outcomes:
    topic = settings.topics.predictions
    consumer = Consumer(consumer_config(settings, "compare", **{"enable.partition.eof": True}))
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    found, unfinished = Outcomes(), set(range(PARTITIONS))
    while unfinished:
        for message in consumer.consume(10_000, 0.2):
            error = message.error()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                unfinished.discard(message.partition())
            elif error is None:
                one = msgspec.json.decode(message.value(), type=Prediction)
                found[one.transaction_id] = one.decision
    consumer.close()
    return found


def _figures(found: dict[str, list[list[float]]]) -> dict[str, Any]:
    medians = {name: [median(column) for column in zip(*turns, strict=True)] for name, turns in found.items()}
    ratios = [mine / its for mine, its in zip(medians["gateway"], medians[_SAME_MODE], strict=True)]
    return {"turns_ms": found, "medians_ms": medians, "ratios": ratios}


def _table(figures: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{figures['rate']} requests a second, in ms from when a request is due to its answer; medians of "
        f"{figures['turns']} turns of {figures['seconds']:.0f} s each, in turns:"
    )
    yield ""
    yield "| | p50 | p99 | p99.9 |"
    yield "|---|--:|--:|--:|"
    for name in _SYSTEMS:
        yield f"| {name} | " + " | ".join(f"{one:.1f}" for one in figures["medians_ms"][name]) + " |"
    ratios = " | ".join(f"{one:.2f}" for one in figures["ratios"])
    yield f"| gateway / {_SAME_MODE} | {ratios} |"
    yield ""
    yield (
        f"{figures['answers']:,} answers of the gateway: {figures['fallbacks']} fallbacks, "
        f"{figures['mismatches']} that differ from the committed decision."
    )


if __name__ == "__main__":
    typer.run(main)
