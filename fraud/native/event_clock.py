"""The event-time clock of a partition: how far its log has come, and which event times count.

The clock is the largest event time that may be believed. One message cannot push it far: cards have to agree.

- A time of up to `step` beyond what three cards have reached moves the clock at once.
- A time further ahead is a claim. Claims move the clock when enough follow each other with no message of
  normal time between them: from three cards, not all at one merchant. The more messages of normal time came
  before, and the more claims they contradicted, the more are enough (`_enough`), so that a sender with a
  wrong clock among many does not confirm itself by chance. Up to `max_jump` ahead a claim is admitted all the
  same, so that a quiet partition loses no payment; beyond that those before the confirming one are refused.
- Before three cards were seen there is no agreement: the clock is the earliest of the cards' latest times, a
  new card is admitted however late it is, and what the partition's only cards repeat three times is believed.

Everything is a function of the log, in a state of `LENGTH` integers. The functions are plain Python over any
sequence of integers; `fraud.native.json_reader` compiles the same functions for its arrays.
Times and spans are in ms, cards and merchants are hashes as signed integers.
"""

from collections.abc import MutableSequence, Sequence

State = MutableSequence[int]

MAX, AGREED, HIGHEST, REACH, NORMAL, RUN, LAST, COUNT = range(8)
"""Where a state holds: the clock; what three cards have reached (0: no agreement yet); the largest time that
was admitted; the largest admitted claim that stands; how much speaks for the present clock; how often the
card changed in the run of claims that stands; the card of the last of them; how many of the claims below are
in use."""

_FIRST, _WIDTH = 8, 3
_MERCHANT, _TIME = 1, 2
CARDS_THAT_AGREE = 3
_FROM_ONE_MERCHANT = 20
"""So many claims confirm a jump although all are of one merchant."""
_MESSAGES_A_CLAIM = 32
"""One more claim is needed for so many messages of normal time, or for one that contradicted claims."""
_ANY_TIME = 1 << 62
_MOST_NORMAL = 37 * _MESSAGES_A_CLAIM

LENGTH = _FIRST + _WIDTH * CARDS_THAT_AGREE


def start_state(max_event_time: int = 0) -> list[int]:
    """The state of a partition whose cards agree on a time; 0: of one without messages."""
    state = [0] * LENGTH
    state[MAX] = state[AGREED] = state[HIGHEST] = max_event_time
    return state


def is_valid(state: Sequence[object]) -> bool:
    """Whether integers from outside are a state: compiled code follows the number of claims unasked."""
    numbers = [one for one in state if type(one) is int and -(1 << 63) <= one < 1 << 63]
    if len(numbers) != LENGTH or len(state) != LENGTH or not 0 <= numbers[COUNT] <= CARDS_THAT_AGREE:
        return False
    times = [*numbers[: REACH + 1], *numbers[_FIRST + _TIME :: _WIDTH]]
    are_times = all(0 <= time < _ANY_TIME for time in times)
    return are_times and 0 <= numbers[NORMAL] <= _MOST_NORMAL and 0 <= numbers[RUN] < _ANY_TIME


def low_watermark(state: State, lateness: int) -> int:
    """No time admitted from now on is before it; 0 while the cards do not agree yet."""
    return max(0, state[MAX] - lateness) if state[AGREED] else 0


def earliest(state: State, lateness: int) -> int:
    """From here on a time is not late."""
    return state[MAX] - lateness


def latest(state: State, max_jump: int) -> int:
    """Up to here a time is admitted without further question."""
    if state[COUNT] == 0 and state[AGREED] == 0:
        return _ANY_TIME
    return max(state[MAX], state[REACH]) + max_jump


def observe(state: State, card: int, merchant: int, time: int, step: int, max_jump: int) -> None:
    """Note an admitted message whose time is between `earliest` and `latest`."""
    state[HIGHEST] = max(state[HIGHEST], time)
    if state[AGREED] == 0:
        state[RUN], state[REACH] = 0, max(state[REACH], time)
        _put(state, card, merchant, time)
        _start(state, step)
    elif time <= state[AGREED] + step:
        if state[RUN] > 0:
            _contradict(state, step)
        state[MAX] = max(state[MAX], time)
        state[NORMAL] = min(state[NORMAL] + 1, _MOST_NORMAL)
        if time > state[AGREED]:
            _put(state, card, merchant, time)
            _agree(state, step)
    else:
        state[REACH] = max(state[REACH], time)
        _claim(state, card, merchant, time, step, max_jump)


def reconsider(
    state: State, card: int, merchant: int, time: int, lateness: int, step: int, max_jump: int
) -> bool:
    """Whether a message whose time is outside of `earliest` to `latest` is admitted; notes it if need be."""
    if state[AGREED] == 0:
        is_admitted = _reconsider_early(state, card, merchant, time, lateness, step, max_jump)
    elif time < earliest(state, lateness):
        return False
    else:
        _claim(state, card, merchant, time, step, max_jump)
        is_admitted = time <= latest(state, max_jump)
    if is_admitted:
        state[HIGHEST] = max(state[HIGHEST], time)
    return is_admitted


def _reconsider_early(
    state: State, card: int, merchant: int, time: int, lateness: int, step: int, max_jump: int
) -> bool:
    """Likewise before the cards agree."""
    index = _find(state, card)
    if time < earliest(state, lateness):
        if index >= 0 and time >= state[MAX] - max_jump:
            return False
        if index >= 0:
            # So far behind itself that its own earlier time must have been wrong.
            state[index + _TIME] = time
        observe(state, card, merchant, time, step, max_jump)
        return True
    if index < 0:
        _put(state, card, merchant, time)
        _start(state, step)
        return False
    state[RUN] += 1
    return state[RUN] >= CARDS_THAT_AGREE and _restart(state, card, merchant, time)


def _restart(state: State, card: int, merchant: int, time: int) -> bool:
    """Believe one card alone, until others say otherwise."""
    state[COUNT] = state[RUN] = 0
    _put(state, card, merchant, time)
    state[MAX] = state[REACH] = time
    return True


def _start(state: State, step: int) -> None:
    """Follow the earliest of the cards; agree once there are enough of them."""
    if state[COUNT] < CARDS_THAT_AGREE:
        state[MAX] = _lowest(state)
    else:
        state[MAX] = 0
        _agree_on(state, _lowest(state), step)


def _claim(state: State, card: int, merchant: int, time: int, step: int, max_jump: int) -> None:
    """Note a time that is further ahead than one message may move the clock."""
    if _forget_far(state, state[AGREED] + step, time - max_jump, time + max_jump):
        state[RUN] = 0
    if state[RUN] == 0 or card != state[LAST]:
        state[RUN] += 1
    state[LAST] = card
    _put(state, card, merchant, time)
    _agree(state, step)


def _contradict(state: State, step: int) -> None:
    """A message of normal time has come: the claims before it do not stand."""
    _forget_far(state, state[AGREED] + step, 1, 0)
    state[RUN] = state[LAST] = state[REACH] = 0
    state[NORMAL] = min(state[NORMAL] + _MESSAGES_A_CLAIM, _MOST_NORMAL)


def _agree(state: State, step: int) -> None:
    """Move what the cards have reached, when enough of them have."""
    lowest = _lowest(state)
    if state[COUNT] < CARDS_THAT_AGREE:
        return
    if lowest > state[AGREED] + step:
        if state[RUN] < _enough(state):
            return
        state[NORMAL] = 0
    _agree_on(state, lowest, step)


def _enough(state: State) -> int:
    """How many claims in a run confirm a jump."""
    needed = CARDS_THAT_AGREE + state[NORMAL] // _MESSAGES_A_CLAIM
    return needed if _has_two_merchants(state) else max(needed, _FROM_ONE_MERCHANT)


def _agree_on(state: State, time: int, step: int) -> None:
    state[AGREED] = time
    state[MAX] = max(state[MAX], time)
    kept, far = 0, 0
    for number in range(state[COUNT]):
        found = state[_FIRST + _WIDTH * number + _TIME]
        if found <= time:
            continue
        if found > time + step:
            far += 1
        else:
            state[MAX] = max(state[MAX], found)
        _move(state, number, kept)
        kept += 1
    state[COUNT], state[RUN] = kept, far
    if far == 0:
        state[LAST] = state[REACH] = 0


def _forget_far(state: State, near: int, first: int, last: int) -> bool:
    """Forget claims beyond `near` and outside of `first` to `last`; returns whether there were any."""
    kept = 0
    for number in range(state[COUNT]):
        time = state[_FIRST + _WIDTH * number + _TIME]
        if time <= near or first <= time <= last:
            _move(state, number, kept)
            kept += 1
    has_forgotten = kept < state[COUNT]
    state[COUNT] = kept
    return has_forgotten


def _put(state: State, card: int, merchant: int, time: int) -> None:
    """Note a card's time; of its own only the largest stays, of too many cards the oldest goes."""
    index = _find(state, card)
    if index < 0:
        if state[COUNT] == CARDS_THAT_AGREE:
            for number in range(1, CARDS_THAT_AGREE):
                _move(state, number, number - 1)
            state[COUNT] -= 1
        index = _FIRST + _WIDTH * state[COUNT]
        state[COUNT] += 1
        state[index], state[index + _TIME] = card, 0
    if time > state[index + _TIME]:
        state[index + _MERCHANT], state[index + _TIME] = merchant, time


def _find(state: State, card: int) -> int:
    """The index at which the card's claim starts, -1 if it has none."""
    for number in range(state[COUNT]):
        if state[_FIRST + _WIDTH * number] == card:
            return _FIRST + _WIDTH * number
    return -1


def _lowest(state: State) -> int:
    lowest = state[_FIRST + _TIME]
    for number in range(1, state[COUNT]):
        lowest = min(lowest, state[_FIRST + _WIDTH * number + _TIME])
    return lowest


def _has_two_merchants(state: State) -> bool:
    for number in range(1, state[COUNT]):
        if state[_FIRST + _WIDTH * number + _MERCHANT] != state[_FIRST + _MERCHANT]:
            return True
    return False


def _move(state: State, number: int, to: int) -> None:
    for index in range(_WIDTH):
        state[_FIRST + _WIDTH * to + index] = state[_FIRST + _WIDTH * number + index]


COMPILED = (
    _move, _has_two_merchants, _lowest, _find, _put, _forget_far, _agree_on, _enough, _agree, _contradict,
    _claim, _start, latest, earliest, observe,
)  # fmt: skip
"""What compiled code needs, callees first."""
