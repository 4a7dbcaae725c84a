"""The plan on paper: it holds together, and the page shows what the program prints."""

import math
from pathlib import Path

import pytest

from benchmarks.scaling import RATES, Measured, plan, roll, table

PAGE = Path(__file__).parents[2] / "docs" / "design" / "scaling.md"


def test_the_page_shows_what_the_program_prints() -> None:
    assert "\n".join(table()) in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("rate", RATES)
def test_a_plan_has_a_place_for_everything(rate: int) -> None:
    one = plan(rate)
    assert one.workers * Measured().scored_per_s * 0.5 >= rate
    assert one.partitions % one.workers == 0
    assert one.state_per_worker <= 16e9


def test_the_restart_of_an_overloaded_worker_never_ends() -> None:
    # given a card with more traffic than a core can score
    found = roll(plan(1_000_000), hot_share=0.2)
    # then its worker never catches up
    assert found.busiest > 1
    assert math.isinf(found.minutes)


def test_the_same_seed_gives_the_same_figures() -> None:
    assert roll(plan(1_000), seed=3) == roll(plan(1_000), seed=3) != roll(plan(1_000), seed=4)
