"""Rows of profiles become visible run by run."""

import time
from dataclasses import dataclass
from typing import cast

import msgspec
import pytest
from confluent_kafka import Message

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS
from fraud.definitions.loading import parse_definitions
from fraud.profiles.layout import profile_columns
from fraud.profiles.messages import MARKER_KEY, ProfileMarker, ProfileMessage
from fraud.profiles.values import NO_MOMENT
from serving.pipeline.profile_runs import ProfileRun, ProfileRunReader, RunAssembler
from tests.conftest import SettingsFactory
from tests.definitions import PROFILED, PROFILED_FILE
from tests.fraud.definitions.files import CORE
from tests.messages import BAD, bad_variants

TEXT = (
    CORE
    + """\
profiles: {every: 1h}
features:
  - {name: amount, transform: value, of: amount}
  - {name: payments, profile: device_id, value: count, window: 1d}
  - {name: merchant_frauds, profile: merchant_id, value: frauds, window: 1d}
"""
)


@pytest.fixture(scope="module")
def definitions() -> Definitions:
    return parse_definitions(TEXT, "profiles.yaml")


@pytest.fixture
def assembler(definitions: Definitions) -> RunAssembler:
    """Of a topic of two partitions."""
    made = RunAssembler(definitions)
    made.restart(2)
    return made


def row(key: int, moment: int, figure: int, field: str = "device_id") -> ProfileMessage:
    return ProfileMessage(field, key, moment, [figure])


def rows_of(run: ProfileRun | None, field: str = "device_id") -> list[tuple[int, int]]:
    assert run is not None
    return [*zip(run.keys[field].tolist(), run.figures[field][:, 0].tolist(), strict=True)]


def test_a_run_is_complete_with_the_marker_of_the_last_partition(assembler: RunAssembler) -> None:
    # given rows of two fields in two partitions
    assembler.add_row(row(1, 10, 3))
    assert assembler.add_marker(0, 10) is None
    assembler.add_row(row(2, 10, 4, field="merchant_id"))
    # when the other partition has its marker
    run = assembler.add_marker(1, 10)
    # then all of them are handed over at once
    assert run is not None
    assert run.moment == 10
    assert rows_of(run) == [(1, 3)]
    assert rows_of(run, "merchant_id") == [(2, 4)]


def test_rows_of_the_next_run_wait_for_its_markers(assembler: RunAssembler) -> None:
    # given a partition that is a run ahead of the other one
    assembler.add_row(row(1, 10, 3))
    assembler.add_marker(0, 10)
    assembler.add_row(row(1, 11, 5))
    assembler.add_marker(0, 11)
    # when the other one has caught up, marker by marker
    first, second = assembler.add_marker(1, 10), assembler.add_marker(1, 11)
    # then each run has its own rows
    assert (rows_of(first), rows_of(second)) == ([(1, 3)], [(1, 5)])


def test_what_a_run_left_behind_that_was_cut_off_comes_with_the_next_one(assembler: RunAssembler) -> None:
    # given a row of a run that was cut off before its markers, and its key again in the next run
    assembler.add_row(row(1, 10, 3))
    assembler.add_row(row(2, 10, 3))
    assembler.add_row(row(1, 11, 4))
    # when the next run is complete
    assembler.add_marker(0, 11)
    run = assembler.add_marker(1, 11)
    # then the newest row of each key counts
    assert rows_of(run) == [(1, 4), (2, 3)]


def test_a_run_that_is_repeated_shows_with_the_next_moment(assembler: RunAssembler) -> None:
    # given a complete run, and its moment once more with other figures
    assembler.add_row(row(1, 10, 3))
    assembler.add_marker(0, 10)
    assembler.add_marker(1, 10)
    assembler.add_row(row(1, 10, 4))
    # then the moment keeps the profiles that it had
    assert assembler.add_marker(0, 10) is None
    assert assembler.add_marker(1, 10) is None
    # and the next one has the newer ones
    assembler.add_marker(0, 11)
    assert rows_of(assembler.add_marker(1, 11)) == [(1, 4)]


def test_rows_and_markers_of_earlier_moments_are_ignored(assembler: RunAssembler) -> None:
    # given a complete run
    for partition in (0, 1):
        assembler.add_marker(partition, 10)
    # when earlier ones come
    assembler.add_row(row(1, 9, 3))
    assert assembler.add_marker(0, 9) is None
    # then nothing goes back
    assembler.add_marker(0, 11)
    assert rows_of(assembler.add_marker(1, 11)) == []


def test_rows_of_other_layouts_and_fields_are_ignored(assembler: RunAssembler) -> None:
    for message in (ProfileMessage("device_id", 1, 10, [1, 2]), row(1, 10, 3, field="card_id")):
        assembler.add_row(message)
    assembler.add_marker(0, 10)
    assert rows_of(assembler.add_marker(1, 10)) == []


def test_the_keys_of_an_unfinished_run_are_known_when_reading_starts(assembler: RunAssembler) -> None:
    # given a complete run and rows of the next one
    assembler.add_row(row(1, 10, 3))
    assembler.add_marker(0, 10)
    assembler.add_marker(1, 10)
    assembler.add_row(row(2, 11, 3))
    # when the end is reached
    run = assembler.unfinished()
    # then the moment is that of the complete one
    assert run.moment == 10
    assert run.unfinished["device_id"].tolist() == [2]
    assert run.unfinished["merchant_id"].tolist() == []


def test_reading_again_changes_nothing(assembler: RunAssembler) -> None:
    # given a complete run
    assembler.add_row(row(1, 10, 3))
    assembler.add_marker(0, 10)
    assembler.add_marker(1, 10)
    # when the topic is read again from its start
    assembler.restart(2)
    assembler.add_row(row(1, 10, 3))
    # then the run is not handed over again, and the next one has nothing else
    assert [assembler.add_marker(partition, 10) for partition in (0, 1)] == [None, None]
    assembler.add_marker(0, 11)
    assert rows_of(assembler.add_marker(1, 11)) == [(1, 3)]


def test_without_a_complete_run_there_is_no_moment(assembler: RunAssembler) -> None:
    assembler.add_row(row(1, 10, 3))
    assert assembler.add_marker(0, 10) is None
    assert assembler.unfinished().moment == NO_MOMENT


@dataclass(frozen=True)
class TopicMessage:
    """What the reader asks a message of Kafka's."""

    content: bytes | None
    name: bytes

    def value(self) -> bytes | None:
        """Its content."""
        return self.content

    def key(self) -> bytes:
        """Its key."""
        return self.name

    def partition(self) -> int:
        """The only one."""
        return 0

    def offset(self) -> int:
        """Any."""
        return 0

    def topic(self) -> str:
        """Any."""
        return "profiles"


@pytest.fixture
def reader(make_settings: SettingsFactory) -> ProfileRunReader:
    """Of the profiles of devices and merchants, in one partition."""
    made = ProfileRunReader(make_settings(definitions=PROFILED_FILE))
    made.restart(1)
    return made


def taken(reader: ProfileRunReader, *messages: tuple[bytes, bytes]) -> list[ProfileRun]:
    """The runs that these keys and values complete."""
    for key, value in messages:
        reader.take(cast("Message", TopicMessage(value, key)))
    return reader.pending()


def device_row(moment: int) -> ProfileMessage:
    """Of a device in the layout of the reader's definitions."""
    return ProfileMessage("device_id", 7, moment, [1] * len(profile_columns(PROFILED, "device_id")))


def test_no_message_stops_the_reader(reader: ProfileRunReader) -> None:
    # given everything that is no row and no marker, and numbers that nothing holds
    row, marker = (msgspec.json.encode(one) for one in (device_row(10), ProfileMarker(10)))
    bad = [value for value in BAD.values() if value is not None]
    bad += [value for _, value in bad_variants(row, "field")]
    bad += [
        one.replace(b":10", b":" + number) for one in (row, marker) for number in (b"1" * 30, b"1e400", b"[]")
    ]
    bad.append(row.replace(b":7", b":" + b"9" * 19))
    # when it comes before a run
    assert [taken(reader, (key, value)) for value in bad for key in (b"device_id:07", MARKER_KEY)] == (
        [[]] * 2 * len(bad)
    )
    # then that is complete
    (run,) = taken(reader, (b"device_id:07", row), (MARKER_KEY, marker))
    assert (run.moment, run.keys["device_id"].tolist()) == (10, [7])


def test_a_moment_in_the_future_is_refused(reader: ProfileRunReader) -> None:
    # given a run of a maker whose clock is a year ahead
    future = (int(time.time() * 1_000) + 365 * DAY_MS) // PROFILED.profile_every_ms
    row, marker = device_row(future), ProfileMarker(future)
    # then it does not hide the runs of all others
    assert (
        taken(reader, (b"device_id:07", msgspec.json.encode(row)), (MARKER_KEY, msgspec.json.encode(marker)))
        == []
    )
    assert len(taken(reader, (MARKER_KEY, msgspec.json.encode(ProfileMarker(10))))) == 1
