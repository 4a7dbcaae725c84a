"""What fields cost the fast reader: messages as they are, with undeclared fields, and with declared ones."""

import time
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from benchmarks.results import Section
from benchmarks.serving.harness.shapes import TWENTY
from benchmarks.serving.harness.traffic import SyntheticTraffic, time_of
from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import Field, FieldType
from fraud.definitions.loading import load_definitions
from fraud.features.decoded_batch import decode_batch
from fraud.messages.admission import AdmissionFilter
from fraud.settings import AdmissionSettings

EXTRA = (
    rb',"device_id":"d-4711","note":"line\n\"quoted\" \u00fc",'
    rb'"basket":{"items":[{"sku":"a-1","count":2}],"gift":false}'
)
"""Three fields at the end of a message: a text, one with escapes, a nested one."""

LIMIT = 1.5
"""The share of the simple message's time, beside that of its bytes, that three undeclared fields may cost."""

_CARDS = 10_000
_BATCH = 1_000
_COLUMNS = 29
_SIMPLE = "simple"
_THREE = "with three undeclared fields"


class _Sort(NamedTuple):
    definitions: Definitions
    values: list[bytes]


def run(messages: int, turns: int) -> Section:
    """All sorts of `messages` in turns; the medians of the processor's time."""
    sorts = _sorts(messages)
    taken: dict[str, list[float]] = {name: [] for name in sorts}
    for turn in range(turns + 1):
        for name, sort in sorts.items():
            seconds = _read(sort)
            if turn:  # The first compiles.
                taken[name].append(seconds)
    sizes = {name: sum(map(len, sort.values)) / messages for name, sort in sorts.items()}
    per_message = {name: median(seconds) / messages * 1e9 for name, seconds in taken.items()}
    byte_ratio = sizes[_THREE] / sizes[_SIMPLE]
    figures = {
        "messages": messages,
        "turns": turns,
        "bytes": sizes,
        "ns": per_message,
        "time_ratio": per_message[_THREE] / per_message[_SIMPLE],
        "byte_ratio": byte_ratio,
        "allowed": LIMIT + byte_ratio - 1,
    }
    title = "The fast reader with undeclared and with further declared fields"
    return Section("reader", title, figures, list(_table(figures)))


def _sorts(messages: int) -> dict[str, _Sort]:
    v1, traffic = load_definitions(), SyntheticTraffic(_CARDS)
    simple = [traffic.draw(number)[1].encode() for number in range(messages)]
    columns = b"".join(b',"V%d":%.6f' % (number, number / 7 - 2) for number in range(1, _COLUMNS + 1))
    declared = [
        Field(f"v{number}", FieldType.NUMBER, (f"V{number}",), True) for number in range(1, _COLUMNS + 1)
    ]
    forty = Definitions("forty fields", (*v1.fields, *declared), v1.features)
    return {
        _SIMPLE: _Sort(v1, simple),
        _THREE: _Sort(v1, _extended(simple, EXTRA)),
        "with twenty undeclared fields": _Sort(v1, _extended(simple, TWENTY.encode())),
        f"with {_COLUMNS} further numbers, declared": _Sort(forty, _extended(simple, columns)),
        f"with {_COLUMNS} further numbers, undeclared": _Sort(v1, _extended(simple, columns)),
    }


def _extended(values: Sequence[bytes], members: bytes) -> list[bytes]:
    return [value[:-1] + members + b"}" for value in values]


def _read(sort: _Sort) -> float:
    """Processor time in s; every message must take the fast path."""
    admission, count = AdmissionFilter(sort.definitions, AdmissionSettings()), len(sort.values)
    times = np.array([time_of(number) for number in range(count)], dtype=np.int64)
    started, fast = time.process_time(), 0
    for first in range(0, count, _BATCH):
        part = slice(first, first + _BATCH)
        fast += decode_batch(admission, sort.values[part], times[part]).fast
    seconds = time.process_time() - started
    if fast != count:
        raise RuntimeError(f"{count - fast} of {count} messages left the fast path")
    return seconds


def _table(figures: dict[str, Any]) -> Iterator[str]:
    yield f"Medians of {figures['turns']} turns over {figures['messages']:,} messages, processor time."
    yield ""
    yield "| message | bytes | ns/message | ns/byte |"
    yield "|---|---|---|---|"
    for name, size in figures["bytes"].items():
        taken = figures["ns"][name]
        yield f"| {name} | {size:.0f} | {taken:.0f} | {taken / size:.2f} |"
    time_ratio, byte_ratio = figures["time_ratio"], figures["byte_ratio"]
    yield ""
    yield (
        f"Three undeclared fields: ratio of time {time_ratio:.2f}, of bytes {byte_ratio:.2f}, "
        f"difference {time_ratio - byte_ratio:+.2f}; "
        f"allowed is a ratio of time of {LIMIT} plus the extra bytes: {figures['allowed']:.2f}."
    )
