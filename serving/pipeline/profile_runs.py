"""Runs of profiles from their topic: rows that were published together become visible together.

A run publishes the profiles that changed, and then a marker with its moment in every partition. A thread
reads the topic and holds the rows back until all partitions have the marker; the serving loop takes the whole
run over between two micro-batches, so that a batch sees the profiles of one moment.

After a restart the newest complete moment is the least of the partitions' newest markers. Rows behind it are
of a run that goes on or was cut off, and compaction may have deleted the rows that they replace. What such a
key's profile was at the complete moment is then unknown: until the next complete run its payments are scored
without profiles, and say so (`Prediction.profile_moment` is None).
"""

import time
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from confluent_kafka import Message

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS
from fraud.messages.decoding import MessageReader
from fraud.profiles.layout import profile_columns
from fraud.profiles.messages import MARKER_KEY, ProfileMarker, ProfileMessage, profile_topic
from fraud.profiles.values import NO_MOMENT
from fraud.settings import Settings
from serving.pipeline.topic_follower import TopicFollower

Ints = npt.NDArray[np.int64]
_Dated = TypeVar("_Dated", ProfileMessage, ProfileMarker)

_MOMENT, _KEY, _FIGURES = 0, 1, 2
"""Columns of rows that are held back; the figures follow."""


@dataclass(frozen=True)
class ProfileRun:
    """What becomes visible at once.

    Attributes:
        moment: of all profiles from now on, in periods since 1970; `NO_MOMENT` while no run is complete.
        keys: by field, int64 (k,), each once.
        figures: by field, of the keys, int64 (k, C).
        unfinished: by field, the keys that have rows of a later run, where reading started.
    """

    moment: int
    keys: Mapping[str, Ints]
    figures: Mapping[str, Ints]
    unfinished: Mapping[str, Ints]


class RunAssembler:
    """Holds rows back until the markers of all partitions have reached their moment."""

    def __init__(self, definitions: Definitions) -> None:
        self._widths = {
            field: _FIGURES + len(profile_columns(definitions, field)) for field in definitions.profile_fields
        }
        self._held = {field: array("q") for field in self._widths}
        self._markers: list[int] = []
        self._moment = NO_MOMENT

    def restart(self, partitions: int) -> None:
        """The topic is read again from its start; what is complete stays so."""
        self._markers = [NO_MOMENT] * partitions
        self._held = {field: array("q") for field in self._widths}

    def add_row(self, row: ProfileMessage) -> None:
        """Hold a row back, unless it is of an earlier run or has another layout."""
        is_ours = self._widths.get(row.field) == _FIGURES + len(row.figures)
        if is_ours and row.moment >= self._moment:
            self._held[row.field].extend((row.moment, row.key, *row.figures))

    def add_marker(self, partition: int, moment: int) -> ProfileRun | None:
        """All rows of a partition up to a moment are there; returns the run that this completes."""
        self._markers[partition] = max(self._markers[partition], moment)
        complete = min(self._markers)
        if complete <= self._moment:
            return None
        self._moment = complete
        released = {field: self._release(field) for field in self._widths}
        return ProfileRun(
            complete,
            {field: rows[:, _KEY] for field, rows in released.items()},
            {field: rows[:, _FIGURES:] for field, rows in released.items()},
            {},
        )

    def unfinished(self) -> ProfileRun:
        """Without rows: the keys whose rows are held back."""
        keys = {field: np.unique(self._rows(field)[:, _KEY]) for field in self._widths}
        return ProfileRun(self._moment, {}, {}, keys)

    def _release(self, field: str) -> Ints:
        rows = self._rows(field)
        is_complete = rows[:, _MOMENT] <= self._moment
        self._held[field] = array("q", rows[~is_complete].tobytes())
        complete = rows[is_complete]
        newest_first = complete[np.argsort(complete[:, _MOMENT], kind="stable")[::-1]]
        _, first = np.unique(newest_first[:, _KEY], return_index=True)
        return newest_first[first]

    def _rows(self, field: str) -> Ints:
        return np.array(self._held[field], dtype=np.int64).reshape(-1, self._widths[field])


class ProfileRunReader:
    """Reads the topic of the definitions' profiles, for the serving loop."""

    def __init__(self, settings: Settings) -> None:
        definitions = settings.loaded_definitions
        self._every_ms = definitions.profile_every_ms
        self._assembler = RunAssembler(definitions)
        self._markers = MessageReader(ProfileMarker, self._require_past)
        self._rows = MessageReader(ProfileMessage, self._require_past)
        self._complete: SimpleQueue[ProfileRun] = SimpleQueue()
        self.follower = TopicFollower(settings, profile_topic(settings), self, thread="profile-runs")

    def pending(self) -> list[ProfileRun]:
        """The runs that have been completed since the last call."""
        return [self._complete.get_nowait() for _ in range(self._complete.qsize())]

    def restart(self, partitions: int) -> None:
        """As `MessageHandler`."""
        self._assembler.restart(partitions)

    def take(self, message: Message) -> None:
        """As `MessageHandler`."""
        if message.key() == MARKER_KEY:
            marker, partition = self._markers.read(message), message.partition()
            if marker is not None and (run := self._assembler.add_marker(partition or 0, marker.moment)):
                self._complete.put(run)
        elif (row := self._rows.read(message)) is not None:
            self._assembler.add_row(row)

    def reach_end(self) -> None:
        """As `MessageHandler`."""
        self._complete.put(self._assembler.unfinished())

    def _require_past(self, message: _Dated) -> _Dated:
        """Raises ValueError for a moment in the future: earlier ones would not replace it."""
        # A day, as clocks differ.
        if message.moment * self._every_ms > time.time() * 1_000 + DAY_MS:
            raise ValueError(f"the moment {message.moment} is in the future")
        return message
