"""The engine's spans at an OTLP collector, and without one."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import ValidationError

from fraud.settings import Settings
from serving.ops.metrics import Metrics
from serving.ops.spans import batch_spans
from serving.ops.stage_timer import StageTimer
from tests.collector import attributes, collecting
from tests.serving.world import running, send, transaction, wait_for, wait_for_predictions

COUNT = 200
STAGES = ["poll", "admit", "features", "profile", "score", "reasons", "encode", "publish"]


def with_tracing(settings: Settings, **tracing: Any) -> Settings:
    """The settings with a collector and a share of sampled batches."""
    return settings.model_copy(update={"tracing": settings.tracing.model_copy(update=tracing)})


@pytest.mark.broker
def test_a_batch_has_a_span_of_each_stage_and_its_commit_links_to_it(
    serving_settings: Settings, champion: str
) -> None:
    # given a collector, and payments
    with collecting() as collector:
        settings = with_tracing(serving_settings, endpoint=collector.endpoint, sample=1.0)
        send(settings, [transaction(number) for number in range(COUNT)])
        # when they are scored
        with running(settings):
            wait_for_predictions(settings, COUNT)
        # then every batch has come, whole and in order
        batches, commits = collector.named("batch"), collector.named("commit")
        described = [attributes(batch) for batch in batches]
        assert sum(int(str(one["messaging.batch.message_count"])) for one in described) == COUNT
        assert {one["fraud.model.version"] for one in described} == {champion}
        for batch in batches:
            below = collector.children(batch)
            # admission and the kernel work partition by partition: these two come again and again
            assert list(dict.fromkeys(span.name for span in below)) == STAGES
            assert all(
                batch.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
                for span in below
            )
        # and names the partitions and offsets of its messages
        covered = {
            (partition, offset)
            for one in described
            for partition, first, last in zip(
                *(one[f"fraud.{name}"] for name in ("partitions", "first_offsets", "last_offsets")),
                strict=True,
            )
            for offset in range(first, last + 1)
        }
        assert len(covered) == COUNT
        # and each is in exactly one commit
        linked = [link.span_id for commit in commits for link in commit.links]
        assert sorted(linked) == sorted(batch.span_id for batch in batches)
        assert collector.services == {"fraud-serving"}
        # and nothing names cards, payments, merchants or the collector
        everything = b"".join(collector.requests)
        for secret in (b"card-", b"merchant-1", b"t100", collector.endpoint.encode()):
            assert secret not in everything


@pytest.mark.broker
def test_a_share_of_the_batches_is_sampled(serving_settings: Settings, champion: str) -> None:
    with collecting() as collector:
        settings = with_tracing(serving_settings, endpoint=collector.endpoint, sample=0.001)
        send(settings, [transaction(number) for number in range(COUNT)])
        with running(settings):
            wait_for_predictions(settings, COUNT)
        assert collector.spans == []


@contextmanager
def silent_listener() -> Iterator[str]:
    """The address of a server that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def nobody() -> Iterator[str]:
    """An address where nobody listens."""
    yield "http://127.0.0.1:9"


@pytest.mark.broker
@pytest.mark.parametrize("absent", [nobody, silent_listener])
def test_scoring_does_not_wait_for_a_collector(
    serving_settings: Settings, champion: str, absent: Any
) -> None:
    with absent() as endpoint:
        settings = with_tracing(serving_settings, endpoint=endpoint, sample=1.0)
        with running(settings) as engine:
            send(settings, [transaction(number) for number in range(COUNT)])
            wait_for_predictions(settings, COUNT)
            spent = {
                sample.labels["stage"]: sample.value
                for family in engine.metrics._registry.collect()
                for sample in family.samples
                if sample.name == "fraud_stage_seconds_sum"
            }
            engine.stop.set()
            stopped = time.monotonic()
            wait_for(lambda: not engine.thread.is_alive(), 20)
        # no stage has waited as long as an attempt to send does, and the engine ends without the collector
        assert max(spent.values()) < 2.0
        assert time.monotonic() - stopped < 15


def test_a_commit_links_to_the_batches_sampled_since_the_last_one(local_settings: Settings) -> None:
    with collecting() as collector:
        # given a timer that samples every second batch
        spans = batch_spans(with_tracing(local_settings, endpoint=collector.endpoint, sample=0.5))
        metrics = Metrics()
        timer = StageTimer(metrics, spans)
        # when four batches are scored, and the first two of them are committed
        for number in range(4):
            with timer.batch(time.time_ns(), [], str(number)), timer.stage("score"):
                pass
            if number == 1:
                first = timer.commit()
        with first:
            pass
        with timer.commit(), timer.commit():
            pass
        timer.close()
    # then each commit links to what it made visible, and one without a sampled batch has no span
    batches = {attributes(batch)["fraud.model.version"]: batch.span_id for batch in collector.named("batch")}
    links = [[link.span_id for link in commit.links] for commit in collector.named("commit")]
    assert links == [[batches["1"]], [batches["3"]]]
    assert len(collector.named("score")) == 2
    # and all of them are measured
    measured = {
        name: value
        for name in ("fraud_stage_seconds_count", "fraud_commit_seconds_count")
        for _, value in metrics.samples(name)
    }
    assert measured == {"fraud_stage_seconds_count": 4, "fraud_commit_seconds_count": 3}


def test_spans_beyond_the_queue_are_dropped_without_waiting(local_settings: Settings) -> None:
    # given a collector that never responds
    with silent_listener() as endpoint:
        spans = batch_spans(with_tracing(local_settings, endpoint=endpoint, sample=1.0))
        assert spans is not None
        # when many more batches are sampled than the queue holds
        start = time.monotonic()
        for _ in range(10_000):
            with spans.batch(time.time_ns(), [], "1"):
                pass
        # then that took the time of making them, and closing does not wait for the collector
        assert time.monotonic() - start < 30
        start = time.monotonic()
        spans.close()
        assert time.monotonic() - start < 5


def test_without_an_endpoint_there_are_no_spans_and_no_import_of_what_sends_them(
    local_settings: Settings,
) -> None:
    assert batch_spans(local_settings) is None
    imports = (
        "import sys, serving.engine\n"
        "sys.exit(any(name.startswith('opentelemetry.exporter') for name in sys.modules)"
        " or 'fraud.span_exporter' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", imports], check=False).returncode == 0


def test_an_endpoint_is_an_address(local_settings: Settings) -> None:
    with pytest.raises(ValidationError):
        type(local_settings.tracing)(endpoint="localhost:4318")
