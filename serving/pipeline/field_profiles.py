"""Profiles of ids and categories in memory, and the features that they yield.

Only the serving loop uses them; `serving.pipeline.profile_runs` brings what is published.
"""

from collections.abc import Sequence
from itertools import repeat

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.features.events import Events
from fraud.profiles.history import NEVER
from fraud.profiles.layout import ProfileColumn, Quantity
from fraud.profiles.values import NO_MOMENT, ProfileValues
from serving.pipeline.profile_runs import ProfileRun

Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.float32]

_NEW = 0
"""The table's first row: a key that has no profile."""
_FIRST_SIZE = 1_024


class KeyTable:
    """The profiles of one field's keys; a key whose figures are empty again is forgotten, as it is new."""

    def __init__(self, columns: Sequence[ProfileColumn]) -> None:
        new = [NEVER if one.quantity is Quantity.FIRST else 0 for one in columns]
        self._new = np.array(new, dtype=np.int64)
        self._rows: dict[int, int] = {}
        self._unused: list[int] = []
        self._figures = np.tile(self._new, (_FIRST_SIZE, 1))

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: int) -> bool:
        return key in self._rows

    def upsert(self, keys: Ints, figures: Ints) -> None:
        """Set the profiles of keys (k,), each once, with the layout's columns (k, C)."""
        is_empty = (figures == self._new).all(axis=1)
        for key in keys[is_empty].tolist():
            if (row := self._rows.pop(key, None)) is not None:
                self._unused.append(row)
        kept = keys[~is_empty].tolist()
        added = [key for key in kept if key not in self._rows]
        self._rows.update(zip(added, self._free_rows(len(added)), strict=True))
        self._figures[[*map(self._rows.__getitem__, kept)]] = figures[~is_empty]

    def lookup(self, keys: Ints) -> Ints:
        """The profiles of keys (n,), shape (n, C); a key that has none is new."""
        return self._figures[[*map(self._rows.get, keys.tolist(), repeat(_NEW))]]

    def _free_rows(self, wanted: int) -> list[int]:
        """So many rows that no key has."""
        used = 1 + len(self._rows) + len(self._unused)
        reused, self._unused = self._unused[:wanted], self._unused[wanted:]
        end = used + wanted - len(reused)
        if end > len(self._figures):
            more = max(end, 2 * len(self._figures)) - len(self._figures)
            self._figures = np.concatenate([self._figures, np.tile(self._new, (more, 1))])
        return [*reused, *range(used, end)]


class ServedProfiles:
    """The profiles of all fields that have some, as they were at one moment.

    Attributes:
        moment: in periods since 1970; `NO_MOMENT` while there are none.
        columns: of each field's figures.
    """

    def __init__(self, definitions: Definitions) -> None:
        self.moment = NO_MOMENT
        self._values = ProfileValues(definitions)
        self.columns = self._values.columns
        self._tables = {field: KeyTable(columns) for field, columns in self.columns.items()}
        self._unfinished: dict[str, set[int]] = {}
        self._inputs = [definitions.field_index[field] for field in (*self._tables, "amount")]

    def sizes(self) -> dict[str, int]:
        """How many keys of each field have a profile."""
        return {field: len(table) for field, table in self._tables.items()}

    def apply(self, run: ProfileRun) -> None:
        """Take a run over."""
        self.moment = run.moment
        for field, keys in run.keys.items():
            self._tables[field].upsert(keys, run.figures[field])
        for field, keys in run.unfinished.items():
            self._unfinished[field] = set(keys.tolist())
        for field, unfinished in self._unfinished.items():
            # What has a profile has that of the complete moment.
            self._unfinished[field] = {key for key in unfinished if key not in self._tables[field]}

    def compute(self, parts: Sequence[Events]) -> tuple[Ints, Rows]:
        """The features of payments.

        Args:
            parts: the payments, n altogether.

        Returns:
            The moment of each payment's profiles or `NO_MOMENT`, (n,), and its features, shape
            (n, len(definitions.profile_features)).
        """
        chosen = np.concatenate([part.values[:, self._inputs] for part in parts])
        *columns, amounts = np.ascontiguousarray(chosen.T)
        keys = dict(zip(self._tables, columns, strict=True))
        moments = self._moments(keys, len(chosen))
        figures = {field: table.lookup(keys[field]) for field, table in self._tables.items()}
        return moments, self._values.compute(figures, keys, moments, amounts)

    def _moments(self, keys: dict[str, Ints], payments: int) -> Ints:
        moments = np.full(payments, self.moment, dtype=np.int64)
        for field, unfinished in self._unfinished.items():
            if unfinished:
                moments[[*map(unfinished.__contains__, keys[field].tolist())]] = NO_MOMENT
        return moments
