"""The entries of all lists, as decisions look them up."""

from collections.abc import Iterable
from itertools import count

import numpy as np
import numpy.typing as npt

from fraud.features.events import hash_identifier
from fraud.native.id_index import currency_number
from fraud.native.rules.list_table import (
    NEVER,
    empty_slots,
    expiry_of,
    is_room,
    most_slots,
    move_slots,
    put_entries,
    remove_entry,
)
from fraud.native.rules.program import ListArrays
from fraud.schema import is_currency


class ListIndex:
    """Entries by list and value; values are taken as equal if their 64-bit hashes are.

    Which lists there are and which field each is of is the policy's; so the index follows the topic of lists
    by itself, and any policy can ask it. Not for several threads, but for `number_of`.
    """

    def __init__(self) -> None:
        self._slots = empty_slots()
        self._used = 0
        self._numbers: dict[str, int] = {}
        self._free_numbers = count()
        self._counts: dict[str, int] = {}
        self._sizes: npt.NDArray[np.int64] | None = None

    @property
    def arrays(self) -> ListArrays:
        """The entries, for compiled code; another table after entries were added."""
        if self._sizes is None:
            numbers = self._numbers.copy()  # another thread may add one
            self._sizes = np.zeros(max(numbers.values(), default=-1) + 1, dtype=np.int64)
            for name, number in numbers.items():
                self._sizes[number] = self.count(name)
        return ListArrays(self._slots, self._sizes)

    def number_of(self, list_name: str) -> int:
        """By which number compiled code knows a list; it stays the same."""
        number = self._numbers.get(list_name)
        # Policies are prepared on another thread: `next` gives no number twice.
        return self._numbers.setdefault(list_name, next(self._free_numbers)) if number is None else number

    def put(self, list_name: str, value: str, expires: int | None = None) -> None:
        """Add an entry or change its expiry.

        Args:
            list_name: of the list.
            value: of the entry.
            expires: the event time (ms) from which on it does not count; None: never.
        """
        self.put_all(list_name, [(value, expires)])

    def put_all(self, list_name: str, entries: Iterable[tuple[str, int | None]]) -> None:
        """Add many entries, each a value and its expiry as in `put`; of one value the last counts."""
        found = list(entries)
        keys = np.array([hash_identifier(value) for value, _ in found], dtype=np.uint64)
        currencies = _integers(_currency(value) for value, _ in found)
        expiries = _integers(NEVER if expires is None else expires for _, expires in found)
        self._make_room(most_slots(currencies))
        used, added = put_entries(self._slots, self.number_of(list_name), keys, currencies, expiries)
        self._used += used
        self._set_count(list_name, self.count(list_name) + added)

    def remove(self, list_name: str, value: str) -> None:
        """Remove an entry, if there is one."""
        key = np.uint64(hash_identifier(value))
        freed = remove_entry(self._slots, self.number_of(list_name), key, _currency(value))
        self._used -= freed
        self._set_count(list_name, self.count(list_name) - (freed > 0))

    def clear(self) -> None:
        """Remove all entries of all lists."""
        self._slots, self._used = empty_slots(), 0
        self._counts.clear()
        self._sizes = None

    def holds(self, list_name: str, value: str, time: int) -> bool:
        """Whether a value is on a list at an event time (ms)."""
        key = np.uint64(hash_identifier(value))
        return bool(time < expiry_of(self._slots, self.number_of(list_name), key))

    def count(self, list_name: str) -> int:
        """How many entries a list has, expired ones too."""
        return self._counts.get(list_name, 0)

    def _set_count(self, list_name: str, count: int) -> None:
        self._counts[list_name], self._sizes = count, None

    def _make_room(self, slots: int) -> None:
        if not is_room(self._slots, self._used + slots):
            larger = empty_slots(self._used + slots)
            move_slots(self._slots, larger)
            self._slots = larger


def _integers(values: Iterable[int]) -> npt.NDArray[np.int64]:
    return np.fromiter(values, dtype=np.int64)


def _currency(value: str) -> int:
    return currency_number(value) if is_currency(value) else 0
