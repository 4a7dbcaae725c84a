"""What a day of rows depends on: the definitions where they matter, and of an existing lake nothing else."""

from dataclasses import replace
from datetime import date, timedelta

import msgspec
from xxhash import xxh3_128_hexdigest

from fraud.definitions.features import DAY_MS
from fraud.ingest.commits import LakeFile
from fraud.preprocess.days import features_dataset, rejected_path
from fraud.preprocess.plan import LakeIndex, fingerprint, is_memory_exceeded, state_files, warm_up
from fraud.settings import MemorySettings
from tests.definitions import EXTENDED, V1

DAY = date(2024, 3, 1)


def test_the_shipped_features_keep_the_folder_and_the_fingerprints_of_an_existing_lake() -> None:
    as_before = xxh3_128_hexdigest(msgspec.json.encode([1, ["a"], "b"], order="deterministic"))

    assert fingerprint(["a"], "b", definitions=V1) == as_before
    assert fingerprint(["a"], "b") == as_before
    assert features_dataset(V1) == "features/v1"
    assert rejected_path(V1, DAY) == "features/v1/_rejected/date=2024-03-01.parquet"


def test_other_features_have_a_folder_and_fingerprints_of_their_own() -> None:
    assert fingerprint("a", definitions=EXTENDED) != fingerprint("a", definitions=V1)
    assert features_dataset(EXTENDED) == f"features/{EXTENDED.digest}"


def test_the_warm_up_covers_the_longest_window_and_the_ids_that_are_taken() -> None:
    # given a definition with a window of 89.5 days, and one with no window over a day
    first = EXTENDED.kernel_features[-1]
    long = replace(EXTENDED, features=(replace(first, window_ms=89 * DAY_MS + DAY_MS // 2),))
    short = replace(EXTENDED, features=(replace(first, window_ms=DAY_MS),))
    # when, then
    assert warm_up(V1) == warm_up(short) == timedelta(days=30)
    assert warm_up(long) == timedelta(days=90)


def lake_of(payments_a_day: int, days: int) -> LakeIndex:
    """A file a day of one partition, each with so many payments."""
    return LakeIndex(
        LakeFile(
            f"{number}", DAY + timedelta(days=number), 0, number * payments_a_day,
            (number + 1) * payments_a_day, payments_a_day, 0, 0,
        )
        for number in range(days)
    )  # fmt: skip


def test_a_day_reads_its_window_and_where_serving_has_forgotten_what_decides_that() -> None:
    # given 200 days with 100 payments each, of which 31 are in the window of a day
    index, day = lake_of(100, 200), DAY + timedelta(days=150)
    # when serving remembers as many, the window is all that is read
    enough = MemorySettings(seen_once=3_100, messages=10_000)
    assert [file.path for file in state_files(V1, index, day, enough)] == [str(n) for n in range(120, 151)]
    assert not is_memory_exceeded(V1, index, day, enough)
    # and when it remembers less, as many messages before as may decide what is forgotten
    little = MemorySettings(seen_once=1_000, messages=4_000)
    assert [file.path for file in state_files(V1, index, day, little)] == [str(n) for n in range(70, 151)]
    assert is_memory_exceeded(V1, index, day, little)
