"""What undeclared fields cost the fast reader: the same messages without and with three further fields."""

import time
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

import numpy as np

from benchmarks.results import Section
from benchmarks.serving.harness.traffic import SyntheticTraffic, time_of
from fraud.definitions.loading import load_definitions
from fraud.features.decoded_batch import decode_batch
from fraud.messages.admission import AdmissionFilter
from fraud.settings import AdmissionSettings

EXTRA = (
    rb',"device_id":"d-4711","note":"line\n\"quoted\" \u00fc",'
    rb'"basket":{"items":[{"sku":"a-1","count":2}],"gift":false}}'
)
"""Three fields at the end of a message: a text, one with escapes, a nested one."""

LIMIT = 1.5
"""The share of the simple message's time, beside that of its bytes, that the further fields may cost."""

_CARDS = 10_000


def run(messages: int, turns: int) -> Section:
    """Both sorts of `messages` in turns; the medians of the processor's time."""
    traffic = SyntheticTraffic(_CARDS)
    simple = [traffic.draw(number)[1].encode() for number in range(messages)]
    extended = [value[:-1] + EXTRA for value in simple]
    sorts = {"simple": simple, "with three undeclared fields": extended}
    taken: dict[str, list[float]] = {name: [] for name in sorts}
    for turn in range(turns + 1):
        for name, values in sorts.items():
            seconds = _read(values)
            if turn:  # The first compiles.
                taken[name].append(seconds)
    sizes = {name: sum(map(len, values)) / messages for name, values in sorts.items()}
    per_message = {name: median(seconds) / messages * 1e9 for name, seconds in taken.items()}
    (size, larger), (fast, slower) = sizes.values(), per_message.values()
    figures = {
        "messages": messages,
        "turns": turns,
        "bytes": sizes,
        "ns": per_message,
        "time_ratio": slower / fast,
        "byte_ratio": larger / size,
        "allowed": LIMIT + larger / size - 1,
    }
    title = "The fast reader with and without undeclared fields"
    return Section("reader", title, figures, list(_table(figures)))


def _read(values: Sequence[bytes]) -> float:
    """Processor time in s; every message must take the fast path."""
    admission = AdmissionFilter(load_definitions(), AdmissionSettings())
    times = np.array([time_of(number) for number in range(len(values))], dtype=np.int64)
    started = time.process_time()
    batch = decode_batch(admission, values, times)
    seconds = time.process_time() - started
    if batch.fast != len(values):
        raise RuntimeError(f"{len(values) - batch.fast} of {len(values)} messages left the fast path")
    return seconds


def _table(figures: dict[str, Any]) -> Iterator[str]:
    yield f"Medians of {figures['turns']} turns over {figures['messages']:,} messages, processor time."
    yield ""
    yield "| message | bytes | ns/message |"
    yield "|---|---|---|"
    for name, size in figures["bytes"].items():
        yield f"| {name} | {size:.0f} | {figures['ns'][name]:.0f} |"
    time_ratio, byte_ratio = figures["time_ratio"], figures["byte_ratio"]
    yield ""
    yield (
        f"Ratio of time {time_ratio:.2f}, of bytes {byte_ratio:.2f}, "
        f"difference {time_ratio - byte_ratio:+.2f}; "
        f"allowed is a ratio of time of {LIMIT} plus the extra bytes: {figures['allowed']:.2f}."
    )
