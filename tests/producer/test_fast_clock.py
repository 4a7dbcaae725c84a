"""The clock that catches up."""

import pytest

from producer.fast_clock import FastClock

HOUR = 3_600_000.0


def test_it_runs_faster_until_it_has_caught_up_and_then_with_the_wall_clock() -> None:
    clock = FastClock(start=0, started_at=int(24 * HOUR), speed=25.0)

    assert clock.seconds_behind == 3_600
    assert clock.event_time(24 * HOUR) == 0
    assert clock.event_time(24.5 * HOUR) == 12.5 * HOUR
    assert clock.event_time(25 * HOUR) == 25 * HOUR
    assert clock.event_time(26 * HOUR) == 26 * HOUR


@pytest.mark.parametrize("hours", [0, 1, 12, 24.9, 25, 25.1, 40])
def test_the_wall_time_of_an_event_is_when_the_clock_shows_it(hours: float) -> None:
    clock = FastClock(start=0, started_at=int(24 * HOUR), speed=25.0)

    assert clock.event_time(clock.wall_time(hours * HOUR)) == pytest.approx(hours * HOUR, abs=1)


def test_a_clock_that_starts_now_is_the_wall_clock() -> None:
    clock = FastClock(start=1_000, started_at=1_000)

    assert clock.seconds_behind == 0
    assert clock.event_time(5_000) == clock.wall_time(5_000) == 5_000
