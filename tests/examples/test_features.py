"""What each example computes on a handful of its payments, against numbers found by hand."""

from math import nan
from pathlib import Path

import numpy as np
import pytest

from fraud.features.table import compute_features
from tests.examples.running import FILES, Example, features_by_id, kernel_rows

NUMBERS: dict[str, tuple[tuple[str, ...], dict[str, tuple[float, ...]]]] = {
    # A phone buys twice within five minutes; a day later another one from two other countries, with another
    # mail address and account; weeks later the chip.
    "acquirer": (
        ("p1", "p2", "p3", "p4", "p5"),
        {
            "amount": (2_000, 150, 5_000, 10_000, 3_000),
            "local_hour": (10, 10, 9, 9, 13),  # Germany, and France, are an hour ahead
            "is_authenticated": (1, 0, nan, 0, nan),
            "ip_risk": (0.05, 0.05, 0.9, 0.75, nan),
            "card_count_10m": (1, 2, 1, 2, 1),
            "card_sum_1d": (2_000, 2_150, 7_150, 17_150, 3_000),
            "spend_share": (1, 1, 1, 1, 3_000 / 20_150),
            "devices_30d": (1, 1, 2, 2, 2),
            "device_is_new": (nan, 0, 1, 0, nan),
            "device_count_7d": (1, 2, 1, 2, nan),
            "device_sum_7d": (2_000, 2_150, 5_000, 15_000, nan),
            "ip_countries_1d": (1, 1, 2, 3, nan),  # DE; and FR; and RO
            "ip_risk_max_1d": (0.05, 0.05, 0.9, 0.9, nan),
            "emails_30d": (1, 1, 1, 2, 2),
            "accounts_7d": (1, 1, 1, 2, nan),
            "unauthenticated_count_1d": (0, 1, 1, 2, 0),
            "ecommerce_share_30d": (1, 1, 1, 1, 4 / 5),
            "small_count_1d": (0, 1, 1, 1, 0),
        },
    ),
    # An application has no history: what is missing is unknown, and the rest is as written.
    "baf": (
        ("transactions-2", "transactions-45"),
        {
            "amount": (50_000, 150_000),
            "income": (0.9, 0.3),
            "prev_address_months_count": (nan, 12),
            "current_address_months_count": (88, nan),
            "intended_balcon_amount": (-1.5, 101.9),  # below 0 is missing, and stays as it is
            "credit_risk_score": (185, 290),
            "bank_months_count": (24, nan),
            "device_distinct_emails_8w": (1, nan),
        },
    ),
    # Two rides on one day, a meal, a journey, and a ride weeks later.
    "banksim": (
        ("transactions-2", "transactions-3", "transactions-4", "transactions-5", "transactions-37"),
        {
            "amount": (1_000, 2_000, 6_000, 90_000, 1_500),
            "customer_count_1d": (1, 2, 1, 1, 1),
            "customer_sum_1d": (1_000, 3_000, 6_000, 90_000, 1_500),
            "customer_count_7d": (1, 2, 3, 4, 1),
            "customer_mean_30d": (1_000, 1_500, 3_000, 24_750, 1_500),
            "amount_ratio_30d": (nan, 2, 4, 30, nan),
            "merchants_7d": (1, 1, 2, 3, 1),
            "merchant_is_new": (nan, 0, 1, 1, nan),
            "category_is_new": (nan, 0, 1, 1, nan),
            "category_count_30d": (1, 2, 1, 1, 1),
            "category_mean_30d": (1_000, 1_500, 6_000, 90_000, 1_500),
        },
    ),
    "card-stream": (
        ("t1", "t2", "t3", "t4", "t5"),
        {
            "hour": (8, 8, 8, 10, 8),
            "card_count_10m": (1, 1, 2, 1, 1),
            "card_sum_1h": (1_250, 1_400, 11_300, 40_000, 2_000),
            "card_max_24h": (1_250, 1_250, 9_900, 40_000, 2_000),
            "amount_ratio_30d": (nan, 150 / 1_250, 9_900 / 700, 40_000 / (11_300 / 3), 2_000 / 12_825),
            "small_count_24h": (0, 1, 1, 1, 0),
            "seconds_since_last": (nan, 1_800, 300, 5_100, 1_980_000),
            "merchants_24h": (1, 2, 2, 3, 1),
            "countries_24h": (1, 1, 1, 2, 1),
            "country_is_new": (nan, 0, 0, 1, 0),
        },
    ),
    "handbook": (
        ("h1", "h2", "h3", "h4", "h5"),
        {
            "is_weekend": (0, 0, 1, 1, 0),  # 7 April 2018 was a Saturday
            "is_night": (0, 0, 1, 1, 0),
            "customer_count_1d": (1, 2, 1, 2, 1),
            "customer_mean_7d": (1_000, 2_000, 2_000, 9_000, 4_000),
            "customer_std_30d": (0, 1_000, 1_000 * (2 / 3) ** 0.5, 12_144.9578, 11_045.3610),
            "amount_ratio_30d": (nan, 3, 1, 15, 4 / 9),
            "amount_zscore_30d": (nan, nan, 0, 28_000 / (1_000 * (2 / 3) ** 0.5), -5_000 / 12_144.9578),
            "large_count_7d": (0, 0, 0, 1, 0),
            "terminals_7d": (1, 2, 2, 3, 1),
            "terminal_is_new": (nan, 1, 0, 1, 0),
            "mean_jump": (1, 1, 1, 16 / 9, 1 / 2),
        },
    ),
    "ieee-cis": (
        ("9000001", "9000002", "9000003", "9000004", "9000005"),
        {
            "hour": (1, 2, 20, 0, 0),
            "addresses": (1, 1, 4, 9, 1),  # C1
            "days_since_previous": (nan, 0, nan, nan, 18),  # D1
            "name_matches": (1, 1, 0, 0, 1),  # M1
            "v258": (1, 1, 3, 7, 1),
            "regions_7d": (1, 1, 2, 2, 1),
            "emails_30d": (1, 1, 2, 2, 2),
            "devices_30d": (1, 1, 1, 2, 2),
            "device_is_new": (nan, 0, nan, 1, 0),
            "same_region_count_30d": (1, 2, 1, 2, 3),
            "mobile_share_30d": (1, 1, 2 / 3, 2 / 4, 3 / 5),
            "unmatched_count_7d": (0, 0, 1, 2, 0),
            "v258_max_7d": (1, 1, 3, 7, 1),
        },
    ),
    # The account of the first payment gets money two days later; the day begins with 14:00.
    "paysim": (
        ("transactions-2", "transactions-3", "transactions-4", "transactions-7", "transactions-8"),
        {
            "amount": (983_964, 18_100, 18_100, 1_000_000_000, 2_500_050),
            "hour": (15, 15, 15, 16, 16),
            "payer_count_7d": (1, 1, 1, 1, 2),
            "payer_sum_7d": (983_964, 18_100, 18_100, 1_000_000_000, 3_484_014),
        },
    ),
    "sparkov": (
        ("s1", "s2", "s3", "s4", "s5"),
        {
            "local_hour": (9, 9, 12, 22, 10),  # Chicago is six hours behind
            "category_count_30d": (1, 1, 2, 1, 2),
            "category_sum_30d": (2_000, 6_000, 10_000, 50_000, 5_000),
            "category_share_30d": (1, 1 / 2, 2 / 3, 1 / 4, 2 / 5),
            "online_count_1d": (0, 1, 2, 3, 0),
            "categories_1d": (1, 2, 2, 3, 1),
            "seconds_since_last": (nan, 1_800, 10_800, 34_200, 1_339_200),
            "speed_kmh": (nan, 0, 111.195 / 3, 0, 111.195 / 372),  # a degree of latitude
        },
    ),
    # The third card payment is swiped far away with a wrong PIN. The same user has another card.
    "tabformer": (
        ("transactions-2", "transactions-3", "transactions-4", "transactions-6", "transactions-7"),
        {
            "amount": (1_250, 500, 8_000, 3_000, 45_025),
            "card_count_1d": (1, 1, 2, 3, 4),
            "online_count_1d": (0, 0, 0, 0, 1),
            "chip_share_30d": (1, 1, 1, 2 / 3, 2 / 4),
            "entry_mode_is_new": (nan, nan, 0, 1, 1),
            "wrong_pin_count_7d": (0, 0, 0, 1, 1),
            "same_mcc_sum_7d": (1_250, 500, 8_000, 4_250, 45_025),
            "states_1d": (1, 1, 1, 2, 2),
            "zip_is_new": (nan, nan, 0, 1, nan),
        },
    ),
    "ulb": (
        ("transactions-2", "transactions-3", "transactions-4"),
        {
            "amount": (0, 14_962, 100),
            "v1": (0, 0.25, -0.5),
            "v28": (0, 7, -14),
        },
    ),
}


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("examples")


@pytest.mark.parametrize(("name", "feature"), [(name, one) for name in NUMBERS for one in NUMBERS[name][1]])
def test_a_feature_is_what_one_finds_by_hand(name: str, feature: str, home: Path) -> None:
    payments, expected = NUMBERS[name][0], NUMBERS[name][1][feature]

    found = features_by_id(Example(name), home)

    assert [found[payment][feature] for payment in payments] == pytest.approx(expected, rel=1e-5, nan_ok=True)


@pytest.mark.parametrize("name", sorted(FILES))
def test_training_rows_have_the_bits_that_serving_has(name: str, home: Path) -> None:
    # given the payments of an example
    example = Example(name)
    definitions, tables = example.definitions, example.tables(home)
    # when their features are computed for training, and from their messages
    rows = compute_features(definitions, tables.transactions, tables.labels, lambda *_: None).rows
    served = kernel_rows(definitions, tables.transactions)
    # then they are the same bit for bit, and within the bounds of each
    assert np.array_equal(rows[:, : served.shape[1]].view(np.uint32), served.view(np.uint32))
    for column, feature in zip(rows.T, definitions.features, strict=True):
        known = column[~np.isnan(column)]
        assert ((known >= feature.kind.lowest) & (known <= feature.kind.highest)).all(), feature.name
