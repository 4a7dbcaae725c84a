"""The table of the merchants' profiles."""

import numpy as np

from fraud.definitions.features import FEATURE_VERSION
from fraud.features.profiles import PROFILE_COLUMNS
from fraud.schema import MerchantProfile
from serving.pipeline.profiles import ProfileTable


def _profile(merchant: str, date: str, value: float, version: int = FEATURE_VERSION) -> MerchantProfile:
    return MerchantProfile(merchant, date, version, [value] * len(PROFILE_COLUMNS))


def test_the_newest_profile_of_a_merchant_counts() -> None:
    # given
    table = ProfileTable()
    for profile in (
        _profile("a", "2025-01-02", 2.0),
        _profile("a", "2025-01-01", 1.0),
        _profile("b", "2025-01-01", 3.0, version=FEATURE_VERSION + 1),
    ):
        table.upsert(profile)

    # when
    values, dates = table.lookup(["a", "b"])

    # then
    assert dates == ["2025-01-02", None]
    assert values[0].tolist() == [2.0] * len(PROFILE_COLUMNS)
    assert np.isnan(values[1]).all()


def test_the_profile_table_grows() -> None:
    table = ProfileTable()
    for number in range(3_000):
        table.upsert(_profile(f"m{number}", "2025-01-01", float(number)))
    assert table.lookup(["m2999"])[0][0, 0] == 2_999.0
