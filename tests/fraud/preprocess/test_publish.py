"""Profiles on the compacted topic, on a real broker."""

from datetime import date

import pyarrow as pa

from fraud.definitions.features import FEATURE_VERSION
from fraud.features.daily import PROFILE_ARROW
from fraud.features.profiles import PROFILE_COLUMNS
from fraud.preprocess.publish import publish_profiles, read_published
from fraud.schema import MerchantProfile
from fraud.settings import Settings

DAY = date(2024, 5, 1)
NEXT = date(2024, 5, 2)


def profiles(**values: float) -> pa.Table:
    """Profiles in which every column of a merchant has the same value."""
    columns = [list(values.values())] * len(PROFILE_COLUMNS)
    return pa.table([list(values), *columns], schema=PROFILE_ARROW)


def profile(merchant: str, day: date, value: float | None) -> MerchantProfile:
    return MerchantProfile(merchant, str(day), FEATURE_VERSION, [value] * len(PROFILE_COLUMNS))


def test_profiles_reach_the_topic_exactly(settings: Settings) -> None:
    # given profiles, one of them unknown
    day = profiles(a=0.1, b=float("nan"))
    # when they are published
    assert publish_profiles(settings, DAY, day) == 2
    # then the topic holds them to the bit, the unknown as null
    assert read_published(settings) == {"a": profile("a", DAY, 0.1), "b": profile("b", DAY, None)}


def test_only_what_changed_is_published(settings: Settings) -> None:
    # given published profiles
    publish_profiles(settings, DAY, profiles(a=1.0, b=2.0))
    # when they are published again, and then with one change
    assert publish_profiles(settings, DAY, profiles(a=1.0, b=2.0)) == 0
    assert publish_profiles(settings, DAY, profiles(a=1.0, b=3.0)) == 1
    # then the change is there
    assert read_published(settings)["b"] == profile("b", DAY, 3.0)


def test_a_newer_day_wins_and_an_older_never_does(settings: Settings) -> None:
    # given profiles of the next day
    publish_profiles(settings, NEXT, profiles(a=5.0))
    # when an older day is published, then nothing changes
    assert publish_profiles(settings, DAY, profiles(a=4.0)) == 0
    assert read_published(settings) == {"a": profile("a", NEXT, 5.0)}


def test_a_merchant_that_is_gone_becomes_unknown(settings: Settings) -> None:
    # given a merchant of whom the next day knows nothing
    publish_profiles(settings, DAY, profiles(a=1.0, b=2.0))
    # when the next day is published, and once more
    assert publish_profiles(settings, NEXT, profiles(a=1.0)) == 2
    assert publish_profiles(settings, NEXT, profiles(a=1.0)) == 0
    # then serving sees it as unknown, as the training rows do
    assert read_published(settings)["b"] == profile("b", NEXT, None)
