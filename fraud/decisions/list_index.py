"""The entries of all lists, as decisions look them up."""

from collections.abc import Iterable


class ListIndex:
    """Entries by list and value.

    Which lists there are and which field each is of is the policy's; so the index follows the topic of lists
    by itself, and any policy can ask it. Not for several threads.
    """

    def __init__(self) -> None:
        self._expiries: dict[str, dict[str, int | None]] = {}

    def put(self, list_name: str, value: str, expires: int | None = None) -> None:
        """Add an entry or change its expiry.

        Args:
            list_name: of the list.
            value: of the entry.
            expires: the event time (ms) from which on it does not count; None: never.
        """
        self._expiries.setdefault(list_name, {})[value] = expires

    def put_all(self, list_name: str, entries: Iterable[tuple[str, int | None]]) -> None:
        """Add many entries, each a value and its expiry as in `put`."""
        for value, expires in entries:
            self.put(list_name, value, expires)

    def remove(self, list_name: str, value: str) -> None:
        """Remove an entry, if there is one."""
        self._expiries.get(list_name, {}).pop(value, None)

    def clear(self) -> None:
        """Remove all entries of all lists."""
        self._expiries.clear()

    def holds(self, list_name: str, value: str, time: int) -> bool:
        """Whether a value is on a list at an event time (ms)."""
        entries = self._expiries.get(list_name, {})
        expires = entries.get(value, None)
        return value in entries and (expires is None or time < expires)

    def count(self, list_name: str) -> int:
        """How many entries a list has, expired ones too."""
        return len(self._expiries.get(list_name, {}))
