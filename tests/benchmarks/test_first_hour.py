"""The bars of the first hour."""

from pathlib import Path

import pytest

from benchmarks.first_hour.__main__ import as_section, bars
from benchmarks.first_hour.by_hand import FirstHour, FirstHourPlan
from deployments.demo.outcomes import CaughtOfKind, LiveOutcomes

PLAN = FirstHourPlan(Path("home"), "default", cards=3_000, days=120, hours=72, live_s=144, trials=5)


def seen(caught: int, falsely_flagged: int, open_alerts: int) -> FirstHour:
    kinds = {"account_takeover": CaughtOfKind(caught, 10)}
    live = LiveOutcomes(1_000, 10, caught, falsely_flagged, kinds, average_precision=0.5)
    return FirstHour({"up": 20.0}, open_alerts, live)


@pytest.mark.parametrize(
    ("caught", "falsely_flagged", "open_alerts", "reached"),
    [
        (5, 10, 50, [True, True, True]),
        (5, 12, 50, [False, True, True]),
        (4, 0, 50, [True, False, True]),
        (5, 10, 51, [True, True, False]),
        (0, 0, 0, [False, False, True]),
    ],
)
def test_each_bar_is_reached_or_missed(
    caught: int, falsely_flagged: int, open_alerts: int, reached: list[bool]
) -> None:
    assert [one for _, _, one in bars(seen(caught, falsely_flagged, open_alerts))] == reached


def test_the_table_has_bars_kinds_and_times() -> None:
    table = "\n".join(as_section(PLAN, seen(5, 12, 51)).table)

    assert "| precision of live alerts, at least 0.3 | 0.29 (5 of 17) | MISSED |" in table
    assert "| account takeover, caught | 5 of 10 | |" in table
    assert "| up | 20 s | |" in table
