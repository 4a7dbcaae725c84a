"""What a payment costs in each format: from its bytes to JSON, and from there to the kernel's events."""

import json
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import numpy as np

from benchmarks.results import Section
from fraud.definitions.loading import load_definitions
from fraud.features.decoded_batch import decode_batch
from fraud.messages.admission import AdmissionFilter
from fraud.messages.formats.payloads import JSON_PAYLOADS, Payloads
from fraud.messages.formats.registry import WriterSchema
from fraud.settings import AdmissionSettings
from tests.fraud.messages.formats.registries import (
    AVRO,
    JSON_SCHEMA,
    PROTO,
    MemoryRegistry,
    avro_bytes,
    avro_record,
    framed,
    message_class,
    payloads_with,
    proto_message,
)
from tests.serving.world import transaction

_SCHEMAS = {
    1: WriterSchema("AVRO", json.dumps(AVRO)),
    2: WriterSchema("PROTOBUF", PROTO),
    3: WriterSchema("JSON", json.dumps(JSON_SCHEMA)),
}


def run(messages: int, turns: int) -> Section:
    """The same payments in each format, in turns; the medians of the processor's time."""
    payments = [transaction(number) for number in range(messages)]
    payloads = payloads_with(MemoryRegistry(_SCHEMAS))
    in_formats = _in_formats(payments)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in in_formats}
    for turn in range(turns + 1):
        for name, values in in_formats.items():
            seconds = _read(payloads if name != "JSON" else JSON_PAYLOADS, values, payments)
            if turn:  # The first compiles.
                taken[name].append(seconds)
    figures = {
        name: {
            "bytes": sum(map(len, in_formats[name])) / messages,
            "to_json_us": median(one for one, _ in seconds) / messages * 1e6,
            "to_events_us": median(one for _, one in seconds) / messages * 1e6,
        }
        for name, seconds in taken.items()
    }
    return Section("formats", "A payment in each format", figures, list(_table(figures)))


def _in_formats(payments: list[dict[str, Any]]) -> dict[str, list[bytes]]:
    kind = message_class(PROTO, "shop.Payment")
    in_json = [json.dumps(payment).encode() for payment in payments]
    return {
        "JSON": in_json,
        "JSON Schema": [framed(3, value) for value in in_json],
        "Avro": [framed(1, avro_bytes(avro_record(one))) for one in payments],
        "Protobuf": [
            framed(2, b"\x02\x02" + proto_message(one, kind).SerializeToString()) for one in payments
        ],
    }


def _read(payloads: Payloads, values: list[bytes], payments: list[dict[str, Any]]) -> tuple[float, float]:
    """Processor time in s until there is JSON, and from there until there are events."""
    admission = AdmissionFilter(load_definitions(), AdmissionSettings())
    times = np.array([payment["timestamp"] for payment in payments], dtype=np.int64)
    started = time.process_time()
    if payloads.readable(values) < len(values):
        raise RuntimeError(payloads.problem)
    in_json = payloads.to_json(values)
    decoded = time.process_time()
    batch = decode_batch(admission, in_json, times)
    ended = time.process_time()
    if len(batch) != len(values):
        raise RuntimeError(f"{len(values) - len(batch)} of {len(values)} payments were refused")
    return decoded - started, ended - decoded


def _table(figures: dict[str, dict[str, float]]) -> Iterator[str]:
    yield "| format | bytes | to JSON, µs | JSON to events, µs |"
    yield "|---|---|---|---|"
    for name, one in figures.items():
        yield f"| {name} | {one['bytes']:.0f} | {one['to_json_us']:.1f} | {one['to_events_us']:.1f} |"
