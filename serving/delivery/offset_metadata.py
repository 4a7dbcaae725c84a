"""Admission's state in the metadata of committed offsets, as JSON that earlier versions can read.

Keys: "newest" is the maximal event time in ms, "door" the admission state, "trail" the replay points as pairs
of an offset and the admission state there.
"""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from confluent_kafka import TopicPartition

from fraud.messages.decoding import Decoder, MessageError
from fraud.native import event_clock
from fraud.schema import Millis
from serving.delivery.protocol import OutboxBatch
from serving.state.partition_state import AdmissionState, ReplayPoint, ReplayPoints


class _Metadata(msgspec.Struct):
    """The part that every version writes."""

    newest: Millis


_METADATA = Decoder(_Metadata)


def last_offsets(topic: str, batches: Sequence[OutboxBatch]) -> list[TopicPartition]:
    """The positions that `batches` lead to, one for each partition, with their metadata."""
    last = {batch.partition: batch for batch in batches}
    return [
        TopicPartition(topic, batch.partition, batch.end, metadata=_encode(batch)) for batch in last.values()
    ]


def _encode(batch: OutboxBatch) -> str:
    content = {"newest": batch.max_event_time, "door": batch.admission, "trail": batch.replay_points}
    return json.dumps(content, separators=(",", ":"))


def max_event_time_of(committed: TopicPartition) -> int | None:
    """The maximal event time (ms) in a committed offset; None when the offset was set by other means."""
    try:
        return _METADATA.decode((committed.metadata or "").encode()).newest
    except MessageError:
        return None


def admission_state_of(committed: TopicPartition) -> AdmissionState:
    """The admission state in a committed offset; empty when an earlier version has committed it."""
    found: Any = _decode(committed).get("door")
    return tuple(found) if _is_admission_state(found) else ()


def replay_points_of(committed: TopicPartition) -> ReplayPoints:
    """The replay points in a committed offset; empty when an earlier version has committed it."""
    found = _decode(committed).get("trail")
    if not isinstance(found, list) or not all(map(_is_replay_point, found)):
        return ()
    offsets = [0, *(offset for offset, _ in found), committed.offset]
    if offsets != sorted(offsets):
        return ()
    return tuple(ReplayPoint(offset, tuple(admission)) for offset, admission in found)


def _decode(committed: TopicPartition) -> dict[str, Any]:
    try:
        found = json.loads(committed.metadata or "")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_replay_point(found: Any) -> bool:
    return (
        isinstance(found, list)
        and len(found) == 2
        and isinstance(found[0], int)
        and _is_admission_state(found[1])
    )


def _is_admission_state(found: Any) -> bool:
    return isinstance(found, list) and event_clock.is_valid(found)
