"""Snapshots of partitions in the lake; they shorten a replay, and serving works without them.

Between two micro-batches a partition's arrays are copied in memory; a thread encodes and writes the copy
while scoring goes on. A snapshot that is missing, damaged, of other features or of another topic costs a
replay and a warning.
"""

import logging
import math
import threading
import time
from collections.abc import Iterable
from typing import NamedTuple

from fraud.kafka.topics import topic_id
from fraud.lake import Lake, open_lake
from fraud.native import event_clock
from fraud.settings import DEFAULT_MEMORY, AdmissionSettings, Settings
from serving.ops.metrics import Metrics
from serving.state.partition_state import CommittedPosition, PartitionState, ReplayPoint, ReplayPoints
from serving.state.rates_used import RatesMark
from serving.state.snapshot_format import Arrays, SnapshotOrigin, UnusableSnapshotError, decode, encode
from serving.state.snapshot_key import snapshot_key

log = logging.getLogger(__name__)

_SUFFIX = ".snapshot"
_SILENCE_S = 10.0
"""Waiting longer for the store costs more than a replay."""
_RETRY_AFTER_S = 60.0
_OVERDUE_AFTER_S = 60.0
"""No time-out of its client covers a store that answers but takes no more bytes."""
_SLOWEST_BYTES_PER_S = 4_000_000
_SETTINGS_SINCE = ("max_jump", "key_rule", "partitions")
_KEPT = 2
"""Per partition; the newest may be ahead of the committed offset, the one before it is not."""


class Snapshots:
    """Writes snapshots beside the scoring, and finds the one from which a replay can start."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._key = snapshot_key(settings) if settings.serving.snapshot_interval_s else b""
        self._due_at: dict[int, float] = {}
        self._written_at: dict[int, int] = {}
        self._thread: threading.Thread | None = None
        self._overdue_at = math.inf
        self._failed_at = -_RETRY_AFTER_S
        self._opened: tuple[Lake, str] | None = None
        self._opening = threading.Lock()

    def start_due(self, states: Iterable[PartitionState]) -> None:
        """Start the snapshot of one partition that is due; call it between two micro-batches."""
        interval_s, now = self._settings.serving.snapshot_interval_s, time.monotonic()
        if not interval_s or self._is_writing(now):
            return
        waiting = [
            state for state in states if now >= self._due_at.setdefault(state.partition, now + interval_s)
        ]
        if not waiting:
            return
        state = min(waiting, key=lambda one: self._due_at[one.partition])
        self._due_at[state.partition] = now + interval_s
        if self._written_at.get(state.partition) != state.position:
            self._written_at[state.partition] = state.position
            self._start(state)

    def load(self, partition: int, committed: CommittedPosition) -> PartitionState | None:
        """The newest usable snapshot that is not beyond `committed`; None: replay."""
        if not self._settings.serving.snapshot_interval_s:
            return None
        if time.monotonic() - self._failed_at < _RETRY_AFTER_S:
            log.warning("the lake failed a moment ago; replaying partition %d", partition)
            return None
        try:
            lake, folder = self._open()
            for path in self._paths(lake, folder, partition):
                if self._is_in_topic(path, committed) and _offset_of(path) <= committed.position:
                    state = self._read(lake, path, partition)
                    if state is not None:
                        return state
        except FileNotFoundError as error:
            log.warning("a snapshot of partition %d has just been replaced (%s); replaying", partition, error)
        except Exception as error:
            # Whatever a store's client raises: a replay needs Kafka alone.
            self._failed_at = time.monotonic()
            log.warning("the snapshots of partition %d cannot be read (%r); replaying", partition, error)
        return None

    def newest_offset(self, partition: int, position: int) -> int:
        """Of the newest snapshot that is not beyond `position`, used or not; 0 when there is none.

        Where the lake fails it is `position`: a snapshot would help nobody then.
        """
        try:
            offsets = [_offset_of(path) for path in self._paths(*self._open(), partition)]
        except Exception as error:
            # Whatever a store's client raises.
            log.warning("the snapshots of partition %d cannot be listed: %r", partition, error)
            return position
        return max((offset for offset in offsets if 0 <= offset <= position), default=0)

    def write(self, state: PartitionState) -> None:
        """Write a snapshot now; raises whatever the store's client raises."""
        self._store(state.partition, _copy(state))

    def wait(self, timeout_s: float) -> None:
        """Wait for a snapshot that is being written."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _is_writing(self, now: float) -> bool:
        if self._thread is None or not self._thread.is_alive():
            return False
        if now > self._overdue_at:
            # Another one beside it would wait, too, with a copy of a partition's state in memory.
            self._overdue_at = math.inf
            self._metrics.state.snapshots.labels("failed").inc()
            log.warning("the lake has not taken a snapshot in due time; the next waits for it")
        return True

    def _start(self, state: PartitionState) -> None:
        allowed_s = _OVERDUE_AFTER_S + state.cards.nbytes / _SLOWEST_BYTES_PER_S
        self._overdue_at = time.monotonic() + allowed_s
        self._thread = threading.Thread(
            target=self._write, args=(state.partition, _copy(state)), name="snapshot", daemon=True
        )
        self._thread.start()

    def _write(self, partition: int, copied: "_Copied") -> None:
        """The thread: encode the copy and write it to the lake."""
        try:
            self._store(partition, copied)
        except Exception as error:
            # Whatever a store's client raises: scoring does not depend on it.
            self._metrics.state.snapshots.labels("failed").inc()
            log.warning("the snapshot of partition %d was not written: %r", partition, error)

    def _store(self, partition: int, copied: "_Copied") -> None:
        started, here = time.monotonic(), copied.here
        offset, max_event_time = here.offset, here.admission[event_clock.MAX]
        lake, folder = self._open()
        origin = self._origin(folder, partition)
        content = encode(
            origin, offset, max_event_time, copied.arrays, here.admission, copied.replay_points, copied.rates,
            key=self._key,
        )  # fmt: skip
        lake.write_bytes(content, f"{folder}/p{partition}/{offset:020d}{_SUFFIX}")
        for path in self._superseded(lake, folder, partition, offset):
            lake.remove(path)
        self._metrics.state.snapshots.labels("written").inc()
        log.info(
            "snapshot of partition %d at %d: %.1f MB in %.1f s",
            partition, offset, len(content) / 1e6, time.monotonic() - started,
        )  # fmt: skip

    def _is_in_topic(self, path: str, committed: CommittedPosition) -> bool:
        """Whether the log can follow the snapshot: its offset is one that the topic has."""
        is_in = committed.first <= _offset_of(path) <= committed.end
        if not is_in:
            self._refuse(path, f"its offset is outside of the topic, {committed.first} to {committed.end}")
        return is_in

    def _read(self, lake: Lake, path: str, partition: int) -> PartitionState | None:
        origin = self._origin(path.rsplit("/", 2)[0], partition)
        settings, key = self._settings, self._key
        try:
            with lake.open(path) as source:
                state = decode(
                    source,
                    origin,
                    settings.loaded_definitions,
                    settings.admission,
                    settings.card_rule,
                    settings.memory,
                    key=key,
                )
        except UnusableSnapshotError as error:
            self._refuse(path, str(error))
            return None
        if state.position != _offset_of(path):
            self._refuse(path, f"it has the name of another; it is of offset {state.position}")
            return None
        return state

    def _refuse(self, path: str, reason: str) -> None:
        self._metrics.state.snapshots.labels("refused").inc()
        log.warning("the snapshot %s is not used: %s", path, reason)

    def _paths(self, lake: Lake, folder: str, partition: int) -> list[str]:
        """Newest first."""
        return sorted(lake.list_files(f"{folder}/p{partition}", _SUFFIX), reverse=True)

    def _superseded(self, lake: Lake, folder: str, partition: int, offset: int) -> list[str]:
        """What nobody needs after the snapshot at `offset`.

        Files whose names promise more do not count: anyone who can write to the lake could push ours out.
        """
        paths = self._paths(lake, folder, partition)
        return [path for path in paths if 0 <= _offset_of(path) <= offset][_KEPT:]

    def _origin(self, folder: str, partition: int) -> SnapshotOrigin:
        topic = self._settings.topics.transactions
        admission = admission_settings_in_use(self._settings.admission) + _memory_in_use(self._settings)
        definitions = self._settings.loaded_definitions.state_digest
        cards = self._settings.card_rule.fingerprint
        return SnapshotOrigin(topic, folder.rsplit("@", 1)[1], partition, admission, definitions, cards)

    def _open(self) -> tuple[Lake, str]:
        """The lake, and the folder of this topic's id: another topic of the same name may follow it."""
        with self._opening:
            if self._opened is None:
                topic = self._settings.topics.transactions
                identity = _name_of(self._settings, topic)
                folder = f"state/{self._settings.loaded_definitions.tag}/{topic}@{identity}"
                self._opened = open_lake(self._settings, _SILENCE_S), folder
            return self._opened


class _Copied(NamedTuple):
    """What a snapshot is made of."""

    here: ReplayPoint
    replay_points: ReplayPoints
    arrays: Arrays
    rates: RatesMark | None


def _copy(state: PartitionState) -> _Copied:
    """A partition's state as it is now."""
    state.cards.remove_idle(state.admission.low_watermark)
    here = ReplayPoint(state.position, tuple(state.admission.state))
    arrays = state.cards.dump(state.admission.low_watermark)
    return _Copied(here, state.replay_points, arrays, state.rates_used.mark(state.admission))


def admission_settings_in_use(settings: AdmissionSettings) -> str:
    """The settings on which a state depends, as JSON; without unused ones that earlier versions lack."""
    unused = {
        name
        for name in _SETTINGS_SINCE
        if getattr(settings, name) == type(settings).model_fields[name].default
    }
    return settings.model_dump_json(exclude=unused)


def _memory_in_use(settings: Settings) -> str:
    """The settings of memory on which a state depends, as JSON; nothing where they are the defaults."""
    memory = settings.memory
    return "" if memory == DEFAULT_MEMORY else memory.model_dump_json()


def _name_of(settings: Settings, topic: str) -> str:
    return topic_id(settings, topic).replace("/", "_").replace("+", "-")


def _offset_of(path: str) -> int:
    """The offset in a snapshot's name; -1 in a name that is not one of ours."""
    name = path.rsplit("/", 1)[1].removesuffix(_SUFFIX)
    return int(name) if name.isascii() and name.isdigit() else -1
