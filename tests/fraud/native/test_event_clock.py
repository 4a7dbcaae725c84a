"""The event-time clock: what a wrong clock cannot do, and what a right one may."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from hashlib import blake2b
from random import Random

import pytest

from fraud.features.events import hash_identifier
from fraud.native import event_clock
from fraud.settings import AdmissionSettings

SETTINGS = AdmissionSettings()
MS = timedelta(milliseconds=1)
LATENESS, MAX_JUMP = SETTINGS.lateness // MS, SETTINGS.max_jump // MS
STEP = LATENESS // 2
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOW = 1_760_000_000_000
FAR = NOW + 10 * 365 * DAY

Message = tuple[str, str, int]
"""Card, merchant, event time."""


class Partition:
    """The clock of one partition, as admission uses it."""

    def __init__(self) -> None:
        self.state = event_clock.start_state()

    def take(self, message: Message) -> bool:
        """Whether the message is admitted."""
        card, merchant = hash_identifier(message[0]) >> 1, hash_identifier(message[1]) & 0xFFFF_FFFF
        time = message[2]
        if event_clock.earliest(self.state, LATENESS) <= time <= event_clock.latest(self.state, MAX_JUMP):
            event_clock.observe(self.state, card, merchant, time, STEP, MAX_JUMP)
            return True
        return event_clock.reconsider(self.state, card, merchant, time, LATENESS, STEP, MAX_JUMP)

    def refused(self, messages: Iterable[Message]) -> list[Message]:
        """Those of the messages that are not admitted."""
        return [message for message in messages if not self.take(message)]

    @property
    def time(self) -> int:
        return self.state[event_clock.MAX]


def traffic(count: int, begin: int = NOW, every: int = MINUTE, cards: int = 30) -> Iterator[Message]:
    """Usual messages of several cards and merchants, some of them an hour late."""
    draw = Random(begin)
    for number in range(count):
        late = draw.choice([0, 0, 0, draw.randrange(HOUR)])
        card, merchant = f"card-{draw.randrange(cards)}", f"merchant-{draw.randrange(9)}"
        yield card, merchant, begin + number * every - late


def running() -> Partition:
    partition = Partition()
    assert partition.refused(traffic(200)) == []
    return partition


AHEAD = [STEP + 1, LATENESS, LATENESS + 1, 10 * DAY, MAX_JUMP, MAX_JUMP + DAY, FAR - NOW]


@pytest.mark.parametrize("ahead", AHEAD)
@pytest.mark.parametrize("times", [1, 2, 3, 500])
def test_a_wrong_clock_harms_nobody_else_however_often_it_repeats(ahead: int, times: int) -> None:
    # given traffic, and one card whose clock is wrong, in the midst of it
    partition = running()
    before = partition.time
    partition.refused([("wrong", "m", before + ahead + number) for number in range(times)])
    # then the clock has not moved, and no message of others is refused
    assert partition.time == before
    assert partition.refused(traffic(2_000, NOW + 200 * MINUTE)) == []
    assert partition.time < NOW + 2_300 * MINUTE


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_terminal_with_a_wrong_clock_moves_nothing(ahead: int) -> None:
    partition = running()
    before = partition.time
    partition.refused([(f"card-{number}", "terminal", before + ahead + number) for number in range(15)])
    assert partition.time == before
    assert partition.refused(traffic(300, NOW + 200 * MINUTE)) == []


@pytest.mark.parametrize("ahead", AHEAD)
@pytest.mark.parametrize("share", [0.01, 0.1, 0.3])
def test_a_sender_with_a_wrong_clock_among_many_moves_nothing(ahead: int, share: float) -> None:
    # given traffic of which a share has a wrong clock, from any card and merchant
    draw, partition = Random(3), running()
    lost = 0
    for card, merchant, time in traffic(20_000, NOW + 200 * MINUTE):
        if draw.random() < share:
            partition.take((card, merchant, time + ahead))
        else:
            lost += not partition.take((card, merchant, time))
    # then no message of normal time was refused
    assert lost == 0


@pytest.mark.parametrize("walkers", [1, 2])
@pytest.mark.parametrize("stride", [MINUTE, HOUR, STEP - 1, DAY, MAX_JUMP - DAY])
def test_a_card_that_runs_ahead_step_by_step_takes_nobody_with_it(walkers: int, stride: int) -> None:
    # given cards whose payments are dated further and further ahead, such as those of a plan
    partition = running()
    lost = 0
    for number, message in enumerate(traffic(1_000, NOW + 200 * MINUTE)):
        for walker in range(walkers):
            partition.take((f"plan-{walker}", "m", message[2] + number * stride))
        lost += not partition.take(message)
    assert lost == 0


@pytest.mark.parametrize("ahead", [LATENESS + 1, 10 * DAY, MAX_JUMP + DAY, FAR - NOW])
@pytest.mark.parametrize("cards", [["wrong"], ["wrong"] * 5, ["wrong", "other"], ["card-1"]])
def test_a_partition_whose_first_messages_are_wrong_admits_what_follows(ahead: int, cards: list[str]) -> None:
    partition = Partition()
    for card in cards:
        partition.take((card, "m", NOW + ahead))
    assert partition.refused(traffic(500)) == []
    assert NOW <= partition.time < NOW + 501 * MINUTE


@pytest.mark.parametrize("cards", [1, 2])
def test_a_partition_of_few_cards_goes_on_after_a_wrong_first_message(cards: int) -> None:
    partition = Partition()
    assert partition.take(("card-0", "m", FAR))
    assert partition.refused(traffic(500, cards=cards)) == []


@pytest.mark.parametrize("behind", [LATENESS + 1, 10 * DAY, MAX_JUMP + DAY, NOW - SETTINGS.earliest])
@pytest.mark.parametrize("place", range(4))
def test_a_clock_that_was_reset_harms_nobody_at_the_begin(behind: int, place: int) -> None:
    # given a terminal whose clock began again at its origin, among the first messages
    partition, first = Partition(), [*traffic(50)]
    first.insert(place, ("reset", "m", NOW - behind))
    refused = [message for message in partition.refused(first) if message[0] != "reset"]
    # then at most the two that contradict the partition's only message are, until the third agrees
    assert len(refused) <= (2 if place == 0 and behind > MAX_JUMP else 0)


@pytest.mark.parametrize("gap", [STEP + HOUR, LATENESS, 5 * DAY, MAX_JUMP - DAY])
@pytest.mark.parametrize("cards", [1, 2, 3, 30])
def test_a_gap_loses_nothing_and_the_clock_follows(gap: int, cards: int) -> None:
    # given a partition that was quiet over a weekend, or a month
    partition = Partition()
    assert partition.refused(traffic(300, cards=cards)) == []
    begin = NOW + 300 * MINUTE + gap
    # then what comes after it is admitted, and soon moves the clock
    assert partition.refused(traffic(300, begin, cards=cards)) == []
    if cards >= event_clock.CARDS_THAT_AGREE:
        assert partition.time > begin - HOUR


@pytest.mark.parametrize("cards", [1, 2, 3, 10])
@pytest.mark.parametrize("every", [DAY, 3 * DAY, 30 * DAY, MAX_JUMP])
def test_a_partition_with_few_payments_loses_none(cards: int, every: int) -> None:
    partition = Partition()
    assert partition.refused((f"card-{n % cards}", f"m-{n % 3}", NOW + n * every) for n in range(60)) == []


@pytest.mark.parametrize("jump", [MAX_JUMP + DAY, 400 * DAY, FAR - NOW])
@pytest.mark.parametrize("before", [3, 10, 100, 5_000])
def test_a_jump_beyond_the_bound_counts_once_several_cards_confirm_it(jump: int, before: int) -> None:
    # given a partition that stood still for longer than a jump may be
    partition = Partition()
    assert partition.refused(traffic(before)) == []
    begin = NOW + before * MINUTE + jump
    # then the first claims are refused, and what follows is admitted
    refused = partition.refused(traffic(300, begin))
    assert 2 <= len(refused) <= 60
    assert partition.time > begin
    # and what was refused is admitted when it is put back
    assert partition.refused(refused) == []


def test_three_cards_confirm_a_jump_where_little_spoke_for_the_old_time() -> None:
    partition = Partition()
    assert partition.refused(traffic(20)) == []
    claims = [(f"card-{number}", f"m-{number}", FAR + number) for number in range(3)]
    assert partition.refused(claims) == claims[:2]
    assert partition.time == FAR + 2


def test_the_only_card_of_a_partition_is_believed_when_it_repeats_itself() -> None:
    partition = Partition()
    assert partition.refused([("c", "m", NOW), ("c", "m", NOW + DAY)]) == []
    again = [("c", "m", FAR + number) for number in range(5)]
    assert partition.refused(again) == again[:2]


def test_one_merchant_alone_confirms_a_jump_by_many_cards() -> None:
    partition = Partition()
    partition.refused((card, "only", time) for card, _, time in traffic(20))
    claims = [(f"card-{number % 30}", "only", FAR + number) for number in range(60)]
    assert 2 < len(partition.refused(claims)) < 30
    assert partition.time >= FAR


@pytest.mark.parametrize("behind", [LATENESS, LATENESS + 1])
def test_lateness_is_bounded_by_the_clock(behind: int) -> None:
    partition = running()
    assert partition.take(("late", "m", partition.time - behind)) == (behind == LATENESS)


@pytest.mark.parametrize("seed", range(40))
def test_nothing_older_than_the_low_watermark_is_ever_admitted_again(seed: int) -> None:
    # given any stream
    draw, partition, low = Random(seed), Partition(), 0
    begin = NOW
    for _ in range(2_000):
        begin += draw.choice([0, MINUTE, HOUR, HOUR, 3 * DAY]) if draw.random() < 0.3 else 0
        time = begin + draw.choice([0, 0, 0, -HOUR, -3 * DAY, 2 * DAY, 30 * DAY, 100 * DAY])
        message = (f"card-{draw.randrange(draw.choice([1, 3, 50]))}", f"m-{draw.randrange(3)}", time)
        # then what is admitted is not before it, and it never goes back
        assert not (partition.take(message) and time < low)
        now = event_clock.low_watermark(partition.state, LATENESS)
        assert now >= low
        low = now


def _with(**numbers: object) -> list[object]:
    """A state of three claims, with other numbers in some places."""
    state: list[object] = [NOW] * event_clock.LENGTH
    state[event_clock.NORMAL : event_clock.COUNT + 1] = [0, 0, 0, event_clock.CARDS_THAT_AGREE]
    for name, number in numbers.items():
        state[getattr(event_clock, name) if name.isupper() else event_clock.LENGTH - 1] = number
    return state


@pytest.mark.parametrize(
    "state",
    [
        event_clock.start_state(), event_clock.start_state(NOW), _with(), _with(MAX=0),
        _with(MAX=(1 << 62) - 1), _with(COUNT=0), _with(NORMAL=event_clock._MOST_NORMAL),
        _with(RUN=(1 << 62) - 1), _with(last_time=0), _with(LAST=-(1 << 63)), _with(LAST=(1 << 63) - 1),
    ],
    ids=str,
)  # fmt: skip
def test_what_admission_writes_is_a_state(state: list[object]) -> None:
    assert event_clock.is_valid(state)


@pytest.mark.parametrize(
    "state",
    [
        [], _with()[:-1], [*_with(), 0], _with(MAX="1"), _with(MAX=True), _with(MAX=1.0), [*_with(), "1"],
        _with(LAST=-(1 << 63) - 1), _with(LAST=1 << 63),
        _with(MAX=-1), _with(AGREED=-1), _with(HIGHEST=1 << 62), _with(REACH=-1), _with(last_time=-1),
        _with(last_time=1 << 62), _with(COUNT=-1), _with(COUNT=event_clock.CARDS_THAT_AGREE + 1),
        _with(NORMAL=-1), _with(NORMAL=event_clock._MOST_NORMAL + 1), _with(RUN=-1), _with(RUN=1 << 62),
    ],
    ids=str,
)  # fmt: skip
def test_what_admission_cannot_have_written_is_none(state: list[object]) -> None:
    assert not event_clock.is_valid(state)


def test_the_low_watermark_is_the_lateness_behind_the_clock_once_cards_agree() -> None:
    assert event_clock.low_watermark(event_clock.start_state(NOW), LATENESS) == NOW - LATENESS
    assert event_clock.low_watermark(event_clock.start_state(LATENESS - 1), LATENESS) == 0
    partition = Partition()
    assert partition.take(("c", "m", NOW))
    assert event_clock.low_watermark(partition.state, LATENESS) == 0


def test_a_partition_without_messages_takes_any_time() -> None:
    assert event_clock.latest(event_clock.start_state(), MAX_JUMP) == 1 << 62
    assert event_clock.latest(event_clock.start_state(NOW), MAX_JUMP) == NOW + MAX_JUMP


def test_the_largest_admitted_time_is_known() -> None:
    partition = running()
    before = partition.time
    # given a claim that is admitted and moves nothing, and one that is refused
    assert partition.take(("ahead", "m", before + MAX_JUMP))
    assert not partition.take(("far", "m", before + 3 * MAX_JUMP))
    # then a replay knows how far admitted payments reach
    assert partition.time == before
    assert partition.state[event_clock.HIGHEST] == before + MAX_JUMP


def _decided(seed: int, count: int) -> Iterator[tuple[bool, list[int]]]:
    """Decisions on messages whose times are often at a bound, and the states after them."""
    draw, state = Random(seed), event_clock.start_state()
    lateness, step, max_jump = 100, 50, 1_000
    cards, merchants = draw.choice([1, 2, 3, 5, 40]), draw.choice([1, 2, 5])
    time = 10_000
    for _ in range(count):
        bounds = [
            time, time, time, time + draw.randrange(80), state[event_clock.MAX] - lateness,
            state[event_clock.AGREED] + step, event_clock.latest(state, max_jump) % (1 << 40),
            time + draw.randrange(3 * max_jump), state[event_clock.MAX] - max_jump,
        ]  # fmt: skip
        now = max(0, draw.choice(bounds if draw.random() < 0.3 else bounds[:4]) + draw.choice([-1, 0, 0, 1]))
        message = draw.randrange(cards), draw.randrange(merchants), now
        if event_clock.earliest(state, lateness) <= now <= event_clock.latest(state, max_jump):
            event_clock.observe(state, *message, step, max_jump)
            yield True, state
        else:
            yield event_clock.reconsider(state, *message, lateness, step, max_jump), state
        time += draw.choice([0, 1, 5, 5, 5, 30]) if draw.random() < 0.99 else draw.choice([200, 2_000])


def test_a_log_is_decided_as_it_was_by_earlier_versions() -> None:
    # given logs of which a part may have been scored, ingested and trained on before an upgrade
    digest, admitted, count = blake2b(digest_size=16), 0, 0
    for seed in range(60):
        for is_admitted, state in _decided(seed, 600):
            digest.update(repr((is_admitted, state)).encode())
            admitted, count = admitted + is_admitted, count + 1
    # then each message is decided alike, and what is committed with it is the same
    assert 0.5 < admitted / count < 0.9
    assert digest.hexdigest() == "6ba4931b2ac0a955f1617cc0ad21dacd"
