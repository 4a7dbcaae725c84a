"""What a partition's state remembers of its log: a bound that depends on a card's own payments alone.

- A card that came back within `SEEN_ONCE` messages is remembered for `MESSAGES` messages from then on, as
  long as the payment with which it did is in the longest window.
- Any other card is forgotten when `SEEN_ONCE` messages have passed since its last payment.
- The log is cut into segments of `MESSAGES` messages. When a card pays, it forgets what it had before the
  segment before this one.
- A card remembers its newest payments, at most `PAYMENTS_PER_CARD` with the one that comes.

So at most `SEEN_ONCE` + `MESSAGES` cards and three times `MESSAGES` payments are remembered, whatever comes.
Whether a payment is still remembered when another one of its card comes follows from the offsets of that
card's payments in the last `MESSAGES` + `SEEN_ONCE` messages: not from how a worker batches, when it collects
memory, or what other cards do. A replay that starts so much earlier forgets the same, and so does training,
which has one card at a time. A card that is forgotten is a new one when it comes back, as one is that had no
payment in the longest window: removing either early or late makes no difference.
"""

import numpy as np

from fraud.native.jit import inlined
from fraud.native.kernel import windows
from fraud.native.kernel.tables import FORGOTTEN_CARDS, MESSAGES, NEVER, PLACE, SEEN_ONCE

_MINUTE_MS = 60_000


@inlined
def start_card(state, card, offset):  # type: ignore[no-untyped-def]
    """A new card has nothing before its first payment."""
    card.last, card.repeat, card.start, card.horizon = NEVER, NEVER, NEVER, NEVER
    card.last_minute, card.repeat_minute = 0, 0
    card.segment = offset // state.limits[MESSAGES]


@inlined
def move_horizon(operations, state, slot, timestamp, offset):  # type: ignore[no-untyped-def]
    """Before a payment of the card, find up to where it is forgotten; done again it changes nothing.

    Returns whether all of the card is forgotten: the caller drops its events and calls `restart_card`.
    """
    card, length = state.cards[slot], state.limits[MESSAGES]
    # A division for each payment would cost more than all else here.
    since = offset - card.segment * length
    if _is_forgotten(operations, state, card, timestamp, offset, since):
        card.horizon = card.watermark
        return True
    if since >= length:
        card.segment, card.horizon, card.start = offset // length, card.start, card.watermark
        _forget_places(operations, state, slot)
    return False


@inlined
def restart_card(operations, state, slot, timestamp, offset):  # type: ignore[no-untyped-def]
    """Make a card without events as if this payment were its first."""
    state.used[FORGOTTEN_CARDS] += 1
    windows.clear(operations, state, slot)
    start_card(state, state.cards[slot], offset)
    state.cards[slot].watermark = timestamp


@inlined
def _is_forgotten(operations, state, card, timestamp, offset, since):  # type: ignore[no-untyped-def]
    """`since` is the number of messages since the start of the card's segment."""
    if card.last == NEVER:
        return False
    has_come_back = offset - card.repeat <= state.limits[MESSAGES] and _is_in_window(
        operations, card, card.repeat_minute, timestamp
    )
    is_single = not has_come_back and offset - card.last > state.limits[SEEN_ONCE]
    return is_single or since >= 2 * state.limits[MESSAGES]


@inlined
def _is_in_window(operations, card, minute, timestamp):  # type: ignore[no-untyped-def]
    """Whether the longest window has a time when a payment of `timestamp` has come."""
    longest = operations.windows[len(operations.windows) - 1].length
    return minute > (max(card.watermark, timestamp) - longest) // _MINUTE_MS


@inlined
def _forget_places(operations, state, slot):  # type: ignore[no-untyped-def]
    for row in range(len(operations.updates)):
        update = operations.updates[row]
        if update.action == PLACE and state.totals[slot, update.slot] <= state.cards[slot].horizon:
            state.totals[slot, update.slot] = NEVER


@inlined
def note_payment(operations, state, card, timestamp, offset):  # type: ignore[no-untyped-def]
    """Note a payment that counts; call it once for each."""
    minute = np.int32(timestamp // _MINUTE_MS)
    is_soon = card.last != NEVER and offset - card.last <= state.limits[SEEN_ONCE]
    if is_soon and _is_in_window(operations, card, card.last_minute, timestamp):
        card.repeat, card.repeat_minute = offset, minute
    card.last, card.last_minute = offset, minute
