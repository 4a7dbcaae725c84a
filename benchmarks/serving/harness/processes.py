"""Processes under test, and their measurement from outside."""

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
from pathlib import Path

import psutil
from confluent_kafka import Consumer, TopicPartition

from benchmarks.serving.harness.testbed import PARTITIONS, environment
from fraud.kafka.clients import consumer_config
from fraud.kafka.retry import retry_transient
from fraud.settings import Settings

_TIMEOUT_S = 120.0
_POLL_S = 0.02


@dataclass(frozen=True)
class Workers:
    """Running engines of one group."""

    settings: Settings
    processes: Sequence[subprocess.Popen[bytes]]

    def wait_until_scoring(self) -> None:
        """Return when every partition's state is there and its messages are scored."""
        wait_until(lambda: sum(self._partitions()) == PARTITIONS, self.processes, self.settings)

    def resident_bytes(self) -> int:
        """Resident memory of all processes, bytes."""
        return sum(psutil.Process(one.pid).memory_info().rss for one in self.processes)

    def cpu_s(self) -> float:
        """Processor seconds of all processes."""
        times = [psutil.Process(one.pid).cpu_times() for one in self.processes]
        return sum(one.user + one.system for one in times)

    def flagged_share(self) -> float:
        """The share of the predictions that are not `approve`."""
        made = self.metric("fraud_predictions_total")
        approved = self.metric("fraud_predictions_total", 'decision="approve"')
        return (made - approved) / max(1.0, made)

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
def engines(
    settings: Settings,
    workers: int = 1,
    code: tuple[str, Path | None] = (sys.executable, None),
    variables: dict[str, str] | None = None,
) -> Iterator[Workers]:
    """Run `workers` times `python -m serving` until the block ends; they may not score yet at its start.

    Args:
        settings: of the workers.
        workers: how many.
        code: the interpreter, and the folder of the checkout that it runs; default: this one.
        variables: their environment; default: all of the settings.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    for file in (settings.home / "serving").glob("worker-*.json"):
        file.unlink()
    with (settings.home / "log").open("ab") as log:
        python, folder = code
        command = [python, "-m", "serving"]
        env = variables or environment(settings)
        processes = [
            subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log) for _ in range(workers)
        ]
        try:
            yield Workers(settings, processes)
        finally:
            stop(processes)


def stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Terminate the processes; kill those that do not end within 30 s."""
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
    deadline = time.monotonic() + _TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline or _has_ended(processes):
            raise RuntimeError(f"a process under test does not run:\n{_end_of_log(settings)}")
        time.sleep(_POLL_S)


def _has_ended(processes: Sequence[subprocess.Popen[bytes]]) -> bool:
    return any(one.poll() is not None for one in processes)


def _end_of_log(settings: Settings) -> str:
    file = settings.home / "log"
    return file.read_text(errors="replace")[-4_000:] if file.exists() else ""


def fetch(url: str) -> str:
    """The text of a page, with any status; empty while nothing listens."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return str(response.read().decode())
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


def committed_rate(
    settings: Settings, messages: int, processes: Sequence[subprocess.Popen[bytes]] = ()
) -> Rate:
    """How fast the group commits its input, from its first commit seen to its last.

    Raises:
        RuntimeError: it took too long, or one of `processes` has ended.
    """
    reader = Consumer(consumer_config(settings, settings.serving.group_id))
    wanted = [TopicPartition(settings.topics.transactions, number) for number in range(PARTITIONS)]
    try:
        started, before, done, deadline = 0.0, 0, 0, time.monotonic() + 15 * 60
        while done < messages:
            if time.monotonic() > deadline or _has_ended(processes):
                raise RuntimeError(
                    f"only {done} of {messages} messages were committed:\n{_end_of_log(settings)}"
                )
            found = retry_transient(partial(reader.committed, wanted, 30))
            done = sum(max(0, one.offset) for one in found)
            if done and not started:
                started, before = time.perf_counter(), done
            time.sleep(_POLL_S)
        return Rate(done - before, time.perf_counter() - started)
    finally:
        reader.close()
