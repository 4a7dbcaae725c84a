"""A state rebuilt from any offset of the log is the one that ran: far clocks, jumps and gaps included."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from confluent_kafka import KafkaError, TopicPartition
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fraud.features.decoded_batch import decode_batch
from fraud.features.events import encode_transactions
from fraud.ingest.commits import Commit
from fraud.ingest.rows import TransactionRowReader
from fraud.messages.admission import AdmissionFilter, Admitted
from fraud.native import event_clock
from fraud.settings import DEFAULT_MEMORY, MemorySettings, Settings
from serving.delivery.offset_metadata import (
    admission_state_of,
    last_offsets,
    max_event_time_of,
    replay_points_of,
)
from serving.delivery.protocol import OutboxBatch
from serving.state.partition_state import CommittedPosition, PartitionState, ReplayPoint
from serving.state.replay import replay, replay_start_state, restore_committed_admission
from serving.state.snapshot_format import SnapshotOrigin, decode, encode
from tests.definitions import V1
from tests.serving.world import BASE_MS, transaction

HOUR, DAY = 3_600_000, 86_400_000
CARDS = 12
LITTLE = MemorySettings(seen_once=15, messages=60, payments_per_card=10)
"""So little that most of the cards below are forgotten again and again."""


@dataclass(frozen=True)
class Message:
    """What of a Kafka message the engine and the ingest look at."""

    at: int
    content: bytes
    time: int

    def error(self) -> None:
        return None

    def offset(self) -> int:
        return self.at

    def partition(self) -> int:
        return 0

    def value(self) -> bytes:
        return self.content

    def key(self) -> bytes:
        return b"card"

    def topic(self) -> str:
        return "t"

    def headers(self) -> list[tuple[str, bytes]]:
        return []

    def timestamp(self) -> tuple[int, int]:
        return 1, self.time


class _End:
    def error(self) -> KafkaError:
        return KafkaError(KafkaError._PARTITION_EOF)


@dataclass
class Log:
    """A partition, with as much of Kafka's consumer as a replay needs."""

    messages: Sequence[Message]
    first: int = 0
    _at: int = field(default=0, repr=False)

    def get_watermark_offsets(self, *_: Any, **__: Any) -> tuple[int, int]:
        return self.first, len(self.messages)

    def offsets_for_times(self, asked: list[TopicPartition], **_: Any) -> list[TopicPartition]:
        later = (one.at for one in self.messages[self.first :] if one.time >= asked[0].offset)
        return [TopicPartition(asked[0].topic, 0, next(later, -1))]

    def assign(self, partitions: list[TopicPartition]) -> None:
        self._at = partitions[0].offset

    def consume(self, *_: Any) -> list[Any]:
        found = [*self.messages[self._at : self._at + 37]]
        self._at += len(found)
        return found or [_End()]


def stream(draw: Random, count: int, cards: int = CARDS) -> list[Message]:
    """Messages of half a year: quiet gaps, jumps, clocks ahead and behind, Kafka's time set by the sender."""
    now, found = BASE_MS, []
    sender_is_wrong = 0.0
    for number in range(count):
        if draw.random() < 0.02:
            now += draw.choice([HOUR, DAY, 3 * DAY, 20 * DAY, 20 * DAY, 100 * DAY])
            sender_is_wrong = draw.choice([0.0, 0.0, 0.02, 0.2])
        now += draw.randrange(8 * HOUR)
        ahead = draw.choice([HOUR, DAY, 3 * DAY, 40 * DAY, 4_000 * DAY])
        late = draw.choice([0, 0, 0, HOUR, DAY, 3 * DAY])
        time = now + ahead if draw.random() < sender_is_wrong else now - late
        event = transaction(
            number,
            timestamp=time,
            card_id=f"card-{draw.randrange(cards)}",
            merchant_id=f"m-{draw.randrange(4)}",
        )
        content = json.dumps({name: value for name, value in event.items() if value is not None})
        found.append(Message(number, content.encode(), time + draw.choice([0, 0, 5_000 * DAY])))
    return found


@dataclass
class Run:
    """A state that follows the log, and which messages it refused, with the reasons."""

    state: PartitionState
    refusals: list[tuple[int, str]] = field(default_factory=list)
    features: list[npt.NDArray[np.float32]] = field(default_factory=list)

    def take(self, messages: Sequence[Message]) -> None:
        state, low = self.state, self.state.admission.low_watermark
        times = np.array([one.time for one in messages], dtype=np.int64)
        decoded = decode_batch(state.admission, [one.content for one in messages], times)
        features, _ = state.cards.process(decoded.events, low, decoded.offsets(messages))
        state.cards.remove_idle(state.admission.low_watermark)
        self.refusals += [(messages[number].at, reason) for number, reason in decoded.refused]
        self.features.append(features)
        state.position = messages[-1].at + 1
        state.mark_replay_point()

    def take_all(self, messages: Sequence[Message], draw: Random) -> None:
        while messages:
            size = draw.randrange(1, 30)
            self.take(messages[:size])
            messages = messages[size:]


def fresh(made: Settings) -> PartitionState:
    start = CommittedPosition(0, None)
    return replay_start_state(made, Log([]), 0, start)


def committed(state: PartitionState) -> CommittedPosition:
    """What a restart finds, through Kafka's metadata."""
    batch = OutboxBatch(
        0, 0, state.position, state.admission.max_event_time, [], [], np.array([], dtype=np.int64),
        tuple(state.admission.state), state.replay_points,
    )  # fmt: skip
    (found,) = last_offsets("t", [batch])
    assert len(found.metadata) < 4_096
    return CommittedPosition(
        found.offset, max_event_time_of(found), admission_state_of(found), replay_points_of(found)
    )


def replayed(made: Settings, log: Log, position: CommittedPosition) -> PartitionState:
    state = replay_start_state(made, log, 0, position)
    replay("t", log, state, position.position, lambda: False)
    before = [*state.admission.state]
    restore_committed_admission(made, state, position)
    assert log.first or state.admission.state == before, "the replayed state is the committed one by itself"
    return state


def snapshotted(made: Settings, log: Log, state: PartitionState) -> PartitionState:
    origin = SnapshotOrigin("t", "id", 0, "", V1.state_digest)
    content = encode(
        origin,
        state.position,
        state.admission.max_event_time,
        state.cards.dump(state.admission.low_watermark),
        tuple(state.admission.state),
        state.replay_points,
        key=b"a key",
    )
    return decode(io.BytesIO(content), origin, V1, made.admission, memory=made.memory, key=b"a key")


@pytest.mark.parametrize("memory", [DEFAULT_MEMORY, LITTLE], ids=["remembers", "forgets"])
@pytest.mark.parametrize("way", ["replay", "snapshot"])
@pytest.mark.parametrize("seed", range(30))
def test_a_restored_state_goes_on_as_the_one_that_ran(
    local_settings: Settings, seed: int, way: str, memory: MemorySettings
) -> None:
    made, draw = local_settings.model_copy(update={"memory": memory}), Random(seed)
    messages = stream(draw, 800)
    cut = draw.randrange(1, len(messages))
    # given one that ran through
    whole = Run(fresh(made))
    whole.take_all(messages[:cut], Random(1))
    position = committed(whole.state)
    seen = len(whole.refusals), len(whole.features)
    # when it is restored in the middle, and both go on
    log = Log(messages)
    restored = replayed(made, log, position) if way == "replay" else snapshotted(made, log, whole.state)
    assert restored.position == cut
    other = Run(restored)
    whole.take_all(messages[cut:], Random(2))
    other.take_all(messages[cut:], Random(2))
    # then they say the same, and end alike
    assert other.refusals == whole.refusals[seen[0] :]
    assert np.array_equal(
        np.concatenate(other.features), np.concatenate(whole.features[seen[1] :]), equal_nan=True
    )
    assert restored.admission.state == whole.state.admission.state


def moved(made: Settings, log: Log, run: Run, former: PartitionState, way: str) -> PartitionState:
    """What another worker makes of the partition; `former` is from a snapshot that was written earlier."""
    if way == "snapshot":
        return snapshotted(made, log, run.state)
    position = committed(run.state)
    if way == "replay":
        return replayed(made, log, position)
    replay("t", log, former, position.position, lambda: False)
    restore_committed_admission(made, former, position)
    return former


def features_after(
    made: Settings, log: Log, moves: Sequence[tuple[int, str]], seed: int
) -> npt.NDArray[np.float32]:
    """Of the whole log, in batches whose sizes depend on `seed`; the partition moves at some offsets."""
    run, draw, found = Run(fresh(made)), Random(seed), []
    for cut, way in [*sorted(moves), (len(log.messages), "")]:
        former = snapshotted(made, log, run.state)
        run.take_all(log.messages[run.state.position : cut], draw)
        found += run.features
        if way:
            run = Run(moved(made, log, run, former, way))
    return np.concatenate(found)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 1 << 32),
    cards=st.sampled_from([12, 60, 100]),
    moves=st.lists(
        st.tuples(st.integers(1, 700), st.sampled_from(["replay", "snapshot", "both"])),
        min_size=1,
        max_size=4,
    ),
    memory=st.builds(
        MemorySettings,
        seen_once=st.integers(1, 120),
        messages=st.integers(240, 400),
        payments_per_card=st.integers(2, 20),
    ),
)
def test_features_depend_on_the_log_alone_in_any_worker_and_in_batches_of_any_size(
    local_settings: Settings, seed: int, cards: int, moves: list[tuple[int, str]], memory: MemorySettings
) -> None:
    # given a log of which little is remembered
    made = local_settings.model_copy(update={"memory": memory})
    log = Log(stream(Random(seed), 700, cards))
    # when one worker reads it, and others take it over again and again, from snapshots, by replay, or both
    alone = features_after(made, log, [], 1)
    shared = features_after(made, log, moves, 2)
    # then they forget the same: the features are the same bits
    assert shared.tobytes() == alone.tobytes()


def test_a_replay_is_not_much_longer_than_needed(local_settings: Settings) -> None:
    # given a year of usual traffic
    made, run = local_settings, Run(fresh(local_settings))
    messages = [
        Message(number, json.dumps(transaction(number, timestamp=time)).encode(), time)
        for number, time in enumerate(range(BASE_MS, BASE_MS + 365 * DAY, 2 * HOUR))
    ]
    run.take_all(messages, Random(1))
    # then a replay starts within forty days, and there are few replay points
    start = replay_start_state(made, Log(messages), 0, committed(run.state))
    assert 32 * 12 <= len(messages) - start.position <= 42 * 12
    assert len(run.state.replay_points) <= 8
    assert start.replay_points[-1] == ReplayPoint(start.position, tuple(start.admission.state))


def test_a_replay_of_a_state_that_forgets_starts_as_much_earlier(local_settings: Settings) -> None:
    # given a year of usual traffic, of which little is remembered
    memory = MemorySettings(seen_once=100, messages=500)
    made = local_settings.model_copy(update={"memory": memory})
    run = Run(fresh(made))
    messages = [
        Message(number, json.dumps(transaction(number, timestamp=time)).encode(), time)
        for number, time in enumerate(range(BASE_MS, BASE_MS + 365 * DAY, 2 * HOUR))
    ]
    run.take_all(messages, Random(1))
    # then a replay starts 600 messages before the 42 days, or at the point before that
    start = replay_start_state(made, Log(messages), 0, committed(run.state))
    assert 32 * 12 + 600 <= len(messages) - start.position <= 42 * 12 + 2 * 600
    # and the state says how much of its memory is used
    assert run.state.used_share == pytest.approx(38 * 12 / 100, rel=0.2)


def test_a_log_that_lost_its_first_messages_is_replayed_from_what_is_left(local_settings: Settings) -> None:
    made, draw = local_settings, Random(5)
    messages, run = stream(draw, 600), Run(fresh(made))
    run.take_all(messages, draw)
    position = committed(run.state)
    start = replay_start_state(made, Log(messages), 0, position).position
    # when Kafka has deleted more
    state = replayed(made, Log(messages, first=start + 5), position)
    # then admission is the committed one all the same
    assert state.admission.state == run.state.admission.state
    assert state.replay_points == run.state.replay_points


def test_what_earlier_versions_committed_is_read(local_settings: Settings) -> None:
    made, draw = local_settings, Random(6)
    messages = [
        Message(number, json.dumps(transaction(number)).encode(), BASE_MS + number * 60_000)
        for number in range(300)
    ]
    run = Run(fresh(made))
    run.take_all(messages, draw)
    # given the bare number of an earlier version
    old = TopicPartition("t", 0, 300, json.dumps({"newest": run.state.admission.max_event_time}))
    position = CommittedPosition(
        old.offset, max_event_time_of(old), admission_state_of(old), replay_points_of(old)
    )
    state = replayed(made, Log(messages), position)
    # then it goes on from there
    assert state.admission.max_event_time == run.state.admission.max_event_time
    assert len(state.cards) == len(run.state.cards)
    # and an offset whose number the log does not yield is believed
    position = CommittedPosition(300, run.state.admission.max_event_time + DAY)
    assert (
        replayed(made, Log(messages, first=1), position).admission.max_event_time
        == run.state.admission.max_event_time + DAY
    )


@pytest.mark.parametrize(
    "metadata",
    ["", "[]", '{"newest": 1, "door": [1], "trail": []}', '{"newest": 1, "door": 3, "trail": [[1]]}', "{"],
)
def test_metadata_of_others_is_no_state(metadata: str) -> None:
    found = TopicPartition("t", 0, 3, metadata)
    assert (admission_state_of(found), replay_points_of(found)) == ((), ())


@pytest.mark.parametrize("seed", range(15))
def test_the_ingest_decides_as_serving_does_wherever_it_pauses(local_settings: Settings, seed: int) -> None:
    made, draw = local_settings, Random(seed)
    messages = stream(draw, 400)
    serving = Run(fresh(made))
    serving.take_all(messages, Random(1))
    # when the ingest reads in parts, each from the commit of the one before
    refused, state, done = [], event_clock.start_state(), 0
    while done < len(messages):
        size = draw.randrange(1, 120)
        reader = TransactionRowReader(AdmissionFilter(V1, made.admission, state=state))
        _, rejected = reader.read(messages[done : done + size])
        refused += [(one.offset, one.reason) for one in rejected]
        state, done = [*reader.state], done + size
    # then it refuses the same for the same reasons
    assert refused == serving.refusals
    assert state == serving.state.admission.state


def test_commits_of_earlier_versions_are_read() -> None:
    content = {"dataset": "transactions", "topic": "t", "partition": 0, "start": 0, "end": 1, "admitted": 1,
            "refused": 0, "reasons": [], "lost": 0, "newest": 5, "files": []}  # fmt: skip
    assert msgspec.json.decode(json.dumps(content).encode(), type=Commit).admission == []


def test_decoded_events_are_those_that_admission_admits(local_settings: Settings) -> None:
    # given far clocks among the messages
    made, messages = local_settings, stream(Random(9), 300)
    admission, admitted = AdmissionFilter(V1, made.admission), []
    for message in messages:
        outcome = admission.validate(message.content, message.time)
        if isinstance(outcome, Admitted):
            admitted.append(outcome)
    run = Run(fresh(made))
    rows = decode_batch(
        run.state.admission, [one.content for one in messages], np.array([one.time for one in messages])
    )
    assert rows.events.tobytes() == encode_transactions(V1, admitted).tobytes()
