"""Blocks of cards: from a report until the new card, once for each theft, whatever was asked before."""

import numpy as np
import pytest

from producer.simulator.blocks import CardBlocks
from producer.simulator.draws import DAY_MS, HOUR_MS, Ints

ORIGIN = 20_000 * DAY_MS
STOLEN, REPORTED, REPLACED = ORIGIN + HOUR_MS, ORIGIN + 9 * HOUR_MS, ORIGIN + 4 * DAY_MS
CARD = 1


def _at(*times: int) -> Ints:
    return np.array(times, np.int64)


def _cards(times: Ints) -> Ints:
    return np.full(len(times), CARD)


@pytest.fixture
def blocks() -> CardBlocks:
    """Three cards that end on the 600th day from the origin; the second one is reported."""
    blocks = CardBlocks(ORIGIN, np.full(3, 400 - 20_000 % 1_000), 1_000)
    blocks.add([(REPORTED, CARD, STOLEN, REPLACED)])
    blocks.settle(ORIGIN + DAY_MS)
    return blocks


def test_a_card_is_blocked_from_its_report_until_the_new_one_is_there(blocks: CardBlocks) -> None:
    # when
    times = _at(ORIGIN - DAY_MS, REPORTED - 1, REPORTED, REPLACED - 1, REPLACED)
    # then
    assert blocks.are_blocked(_cards(times), times).tolist() == [False, False, True, True, False]
    # and no other card is
    for other in (0, 2):
        assert not blocks.are_blocked(np.full(5, other), times).any()


def test_the_new_card_has_the_day_on_which_it_is_there(blocks: CardBlocks) -> None:
    times = _at(STOLEN, REPORTED - 1, REPLACED, ORIGIN + 599 * DAY_MS, ORIGIN + 600 * DAY_MS)

    issued = blocks.issued(_cards(times), times) - 20_000

    assert issued.tolist() == [-400, -400, 4, 4, 600]


def test_a_thief_pays_neither_with_a_blocked_card_nor_with_the_new_one(blocks: CardBlocks) -> None:
    times = _at(STOLEN, REPORTED - 1, REPORTED, REPLACED, ORIGIN + 90 * DAY_MS)

    stopped = blocks.are_stopped(_cards(times), times, np.full(5, STOLEN))

    assert stopped.tolist() == [False, False, True, True, True]
    # but a thief of the new card does
    assert not blocks.are_stopped(_at(CARD), _at(REPLACED + DAY_MS), _at(REPLACED)).any()


def test_a_thief_does_not_get_the_card_that_the_bank_issues_anyway(blocks: CardBlocks) -> None:
    before, after = ORIGIN + 599 * DAY_MS, ORIGIN + 600 * DAY_MS

    assert blocks.are_stopped(_at(0, 0), _at(before, after), _at(before, before)).tolist() == [False, True]


def test_a_later_report_of_the_same_theft_blocks_nothing(blocks: CardBlocks) -> None:
    # given a report of the blocked card's fraud after the new card came, and one of a new fraud
    again, new = REPLACED + 2 * DAY_MS, REPLACED + 9 * DAY_MS
    blocks.add([(again, CARD, STOLEN, again + 3 * DAY_MS), (new, CARD, REPLACED, new + 3 * DAY_MS)])
    # when
    blocks.settle(ORIGIN + 30 * DAY_MS)
    # then
    assert blocks.are_blocked(_at(CARD, CARD), _at(again, new)).tolist() == [False, True]


def test_later_blocks_do_not_change_what_was(blocks: CardBlocks) -> None:
    # given
    times = _at(STOLEN, REPORTED, REPLACED)
    before = blocks.are_blocked(_cards(times), times), blocks.issued(_cards(times), times)
    # when
    later = ORIGIN + 20 * DAY_MS
    blocks.add([(later, card, later - HOUR_MS, later + DAY_MS) for card in (0, 1, 2)])
    blocks.settle(later + DAY_MS)
    # then
    assert (blocks.are_blocked(_cards(times), times) == before[0]).all()
    assert (blocks.issued(_cards(times), times) == before[1]).all()
    assert blocks.are_blocked(_at(0, 1, 2), np.full(3, later)).all()


def test_a_report_that_is_not_settled_yet_blocks_nothing() -> None:
    blocks = CardBlocks(ORIGIN, np.zeros(3, np.int64), 1_000)
    blocks.add([(REPORTED, CARD, STOLEN, REPLACED)])
    blocks.settle(REPORTED)

    assert not blocks.are_blocked(_at(CARD), _at(REPORTED)).any()
