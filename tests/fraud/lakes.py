"""Fill a lake as the ingest does, without a broker."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pyarrow as pa

from fraud.ingest.partition import LakeSource, Range, sources, write_range
from fraud.lake import Lake
from fraud.settings import Settings

PARTITIONS = 2


@dataclass(frozen=True)
class StoredMessage:
    """The parts of a Kafka message that the ingest reads."""

    wire: dict[str, Any]
    position: tuple[int, int]

    def value(self) -> bytes:
        return json.dumps(self.wire).encode()

    def timestamp(self) -> tuple[int, int]:
        return 1, int(self.wire.get("timestamp") or self.wire["reported_at"])

    def topic(self) -> str:
        return "transactions"

    def key(self) -> bytes:
        return str(self.wire["card_id"]).encode()

    def headers(self) -> list[tuple[str, bytes | None]]:
        return []

    def partition(self) -> int:
        return self.position[0]

    def offset(self) -> int:
        return self.position[1]


class GrowingLake:
    """A lake into which more can be ingested, range by range."""

    def __init__(self, settings: Settings, lake: Lake) -> None:
        self.lake, self._settings = lake, settings
        self._ends: dict[tuple[str, int], int] = {}
        self._newest: dict[tuple[str, int], int] = {}
        self.transactions, self.labels, _ = sources(settings)

    def use(self, settings: Settings) -> None:
        """What is added from now on is read with these settings."""
        self._settings = settings

    def add(self, source: LakeSource, stream: Sequence[dict[str, Any]], chunk: int = 150) -> None:
        """Ingest messages in arrival order; a card's partition follows from its name."""
        arranged = sorted(stream, key=lambda wire: _partition(wire["card_id"]))
        for partition, wires in groupby(arranged, key=lambda wire: _partition(wire["card_id"])):
            for part in _chunks(list(wires), chunk):
                self._add_range(source, partition, part)

    def _add_range(self, source: LakeSource, partition: int, wires: list[dict[str, Any]]) -> None:
        key = (source.dataset, partition)
        start = self._ends.get(key, 0)
        reader = source.reader(self._settings, self._newest.get(key, 0))
        messages = [StoredMessage(wire, (partition, start + index)) for index, wire in enumerate(wires)]
        batch, rejected = reader.read(messages)
        self._ends[key], self._newest[key] = start + len(wires), reader.max_event_time
        found = Range(start, self._ends[key], pa.Table.from_batches([batch]), rejected, 0)
        write_range(self.lake, source, partition, reader.max_event_time, found)


def _partition(card: str) -> int:
    return int(card.rpartition("-")[2]) % PARTITIONS


def _chunks(wires: list[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(wires), size):
        yield wires[start : start + size]
