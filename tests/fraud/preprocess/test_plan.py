"""What a day of rows depends on: the definitions where they matter, and of an existing lake nothing else."""

from dataclasses import replace
from datetime import date, timedelta

import msgspec
from xxhash import xxh3_128_hexdigest

from fraud.definitions.features import DAY_MS
from fraud.preprocess.days import features_dataset, rejected_path
from fraud.preprocess.plan import fingerprint, warm_up
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
