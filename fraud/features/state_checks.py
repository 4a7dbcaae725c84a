"""Whether arrays that come from outside are a state on which compiled code can work.

Compiled code does not check what it follows: where a card's block starts, how much is in it, how much of
that is in each window. A snapshot is authenticated before; this is for a key that has leaked, and for errors.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

_LOW_KEY_BITS = np.uint64(0xFF)
_DAY_BITS = np.uint32(0xFFFF)


def require_sound(arrays: Mapping[str, npt.NDArray[Any]], windows: int) -> None:
    """Check what `CardStore.dump` gives, of definitions with so many windows.

    Raises:
        ValueError: it says which part no store could have written.
    """
    _require_blocks(arrays["cards"], len(arrays["events"]))
    _require_windows(arrays["cards"]["count"], arrays["counts"][:, :windows])
    require_ids(arrays["ids"])


def _require_blocks(cards: npt.NDArray[np.void], events: int) -> None:
    """The blocks lie one after another, fill the arena, and hold what is said to be in them."""
    capacity, head, count = (cards[name].astype(np.int64) for name in ("capacity", "head", "count"))
    if not ((head >= 0) & (count >= 0) & (head + count <= capacity)).all():
        raise ValueError("a card has more payments than fit into its block")
    ends = np.cumsum(capacity)
    if not (cards["block"] == ends - capacity).all() or (ends[-1] if len(ends) else 0) != events:
        raise ValueError("the cards' blocks are not where they should be")
    if len(np.unique(cards["hash"])) < len(cards):
        raise ValueError("a card is there twice")


def _require_windows(count: npt.NDArray[np.int32], by_window: npt.NDArray[np.int32]) -> None:
    """A shorter window has no more than a longer one, and the longest all that is remembered."""
    is_ordered = (by_window[:, 0] >= 0).all() and (np.diff(by_window, axis=1) >= 0).all()
    if not is_ordered or not (by_window[:, -1] == count).all():
        raise ValueError("a window has more payments than its card")


def require_ids(ids: npt.NDArray[np.void]) -> None:
    """Check records of `fraud.native.id_index.ID` likewise."""
    keys, days = ids["key"], ids["rest"] & _DAY_BITS
    if (keys & _LOW_KEY_BITS).any() or (keys[1:] <= keys[:-1]).any() or not days.all():
        raise ValueError("the taken ids are not in their order")
