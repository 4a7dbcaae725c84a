"""Processes under test, and how they are watched from outside."""

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import psutil
from confluent_kafka import Consumer, TopicPartition

from benchmarks.serving.harness.testbed import PARTITIONS, environment
from fraud.kafka.clients import consumer_config
from fraud.kafka.retry import retry_transient
from fraud.settings import Settings

_PATIENCE_S = 120.0
_LOOK_S = 0.02


@dataclass(frozen=True)
class Workers:
    """Running engines of one group."""

    settings: Settings
    processes: Sequence[subprocess.Popen[bytes]]

    def wait_until_scoring(self) -> None:
        """Return when every partition's state is there and its messages are scored."""
        wait_until(lambda: sum(self._partitions()) == PARTITIONS, self.processes, self.settings)

    def resident_bytes(self) -> int:
        """Memory of all of them."""
        return sum(psutil.Process(one.pid).memory_info().rss for one in self.processes)

    def cpu_s(self) -> float:
        """Processor seconds of all of them."""
        times = [psutil.Process(one.pid).cpu_times() for one in self.processes]
        return sum(one.user + one.system for one in times)

    def flagged_share(self) -> float:
        """Of the predictions."""
        made = self.metric("fraud_predictions_total")
        return self.metric("fraud_predictions_total", 'decision="review"') / max(1.0, made)

    def metric(self, name: str, label: str = "") -> float:
        """A metric's sum over all workers and over its labels, or those that contain `label`."""
        pages = [fetch(url + "/metrics") for url in self._urls()]
        labels = rf"(?:{{.*{re.escape(label)}.*}})" + ("" if label else "?")
        pattern = re.compile(rf"^{re.escape(name)}{labels} (\S+)$", re.MULTILINE)
        return sum(float(value) for page in pages for value in pattern.findall(page))

    def _partitions(self) -> Iterator[int]:
        for url in self._urls():
            found = re.search(r"scoring (\d+) partitions", fetch(url + "/ready"))
            yield int(found[1]) if found else 0

    def _urls(self) -> list[str]:
        files = (self.settings.home / "serving").glob("worker-*.json")
        return [json.loads(file.read_text())["url"] for file in files]


@contextmanager
def engines(settings: Settings, workers: int = 1) -> Iterator[Workers]:
    """So many `python -m serving` until the block ends; they need not score yet."""
    settings.home.mkdir(parents=True, exist_ok=True)
    for file in (settings.home / "serving").glob("worker-*.json"):
        file.unlink()
    with (settings.home / "log").open("ab") as log:
        command = [sys.executable, "-m", "serving"]
        told = environment(settings)
        processes = [subprocess.Popen(command, env=told, stdout=log, stderr=log) for _ in range(workers)]
        try:
            yield Workers(settings, processes)
        finally:
            stop(processes)


def stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """End them, by force if need be."""
    for one in processes:
        one.terminate()
    for one in processes:
        try:
            one.wait(30)
        except subprocess.TimeoutExpired:
            one.kill()
            one.wait()


def wait_until(
    condition: Callable[[], bool], processes: Sequence[subprocess.Popen[bytes]], settings: Settings
) -> None:
    """Poll until `condition()`; fail with the log's end if a process ends or it takes too long."""
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > deadline or any(one.poll() is not None for one in processes):
            raise RuntimeError("a contestant does not run:\n" + (settings.home / "log").read_text()[-4_000:])
        time.sleep(_LOOK_S)


def fetch(url: str) -> str:
    """A page's text, whatever its status; empty while nobody listens."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as refused:
        return refused.read().decode()
    except OSError:
        return ""


@dataclass(frozen=True)
class Rate:
    """Messages that were committed between two moments."""

    messages: int
    seconds: float

    @property
    def per_s(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds


def committed_rate(settings: Settings, messages: int) -> Rate:
    """How fast the group commits its input, from its first commit seen to its last."""
    reader = Consumer(consumer_config(settings, settings.serving.group_id))
    wanted = [TopicPartition(settings.topics.transactions, number) for number in range(PARTITIONS)]
    try:
        begun, before, done, deadline = 0.0, 0, 0, time.monotonic() + 15 * 60
        while done < messages:
            if time.monotonic() > deadline:
                raise RuntimeError(f"only {done} of {messages} messages were committed")
            found = retry_transient(partial(reader.committed, wanted, 30))
            done = sum(max(0, one.offset) for one in found)
            if done and not begun:
                begun, before = time.perf_counter(), done
            time.sleep(_LOOK_S)
        return Rate(done - before, time.perf_counter() - begun)
    finally:
        reader.close()
