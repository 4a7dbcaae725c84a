"""What each run published, in the lake: the profiles that serving used, even if they are made again later.

A late payment or report changes the profiles of moments that were served already. The monitor finds here what
serving had.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.definitions import Definitions
from fraud.lake import Lake
from fraud.profiles.history import NEVER
from fraud.profiles.layout import Quantity, profile_columns
from fraud.profiles.making.files import profile_folder

Ints = npt.NDArray[np.int64]

_FEWEST_MERGED = 50
"""Files of old runs; merging writes all keys again, so it does not happen at every run."""


def store_run(
    lake: Lake, definitions: Definitions, field: str, moment: int, keys: Ints, figures: Ints
) -> None:
    """Store what a run is about to publish of a field, beside what others published of the same moment.

    Args:
        lake: where.
        definitions: with profiles of the field.
        field: its name.
        moment: of the run, in periods since 1970.
        keys: whose profiles changed, (n,).
        figures: theirs, in the order of `profile_columns`, (n, C).
    """
    table = pa.table([keys, *figures.T], names=_names(definitions, field))
    same = [_number_of(path) for path in _files(lake, definitions, field) if _moment_of(path) == moment]
    number = max(same, default=-1) + 1
    lake.write_table(table, f"{_folder(definitions, field)}/{moment}-{number}.parquet")


def merge_runs(lake: Lake, definitions: Definitions, before: int, fewest: int = _FEWEST_MERGED) -> None:
    """Put what runs before a moment published into one file, with each key's newest row, if they are many."""
    for field in definitions.profile_fields:
        old = [path for path in _files(lake, definitions, field) if _moment_of(path) < before]
        if len(old) < fewest:
            continue
        rows = pa.concat_tables(lake.read_table(path, _names(definitions, field)) for path in old)
        # The last row of each key is the first from behind.
        _, from_behind = np.unique(rows["key"].to_numpy()[::-1], return_index=True)
        merged = f"{_folder(definitions, field)}/{_moment_of(old[-1])}-{_number_of(old[-1])}.parquet"
        lake.write_table(rows.take(pa.array(rows.num_rows - 1 - from_behind)), merged)
        for path in old[:-1]:
            lake.remove(path)


@dataclass(frozen=True)
class PublishedProfiles:
    """What was published of some keys of a field.

    Attributes:
        keys: (R,), ascending.
        moments: at which, ascending for each key and then in the order of publication, (R,).
        figures: as `profile_columns` has them, (R, C).
        empty: those of a key that was never published, (C,).
        first: the first moment of which something was published; None if nothing was.
    """

    keys: Ints
    moments: Ints
    figures: Ints
    empty: Ints
    first: int | None

    @classmethod
    def read(cls, lake: Lake, definitions: Definitions, field: str, keys: Ints) -> Self:
        """Of the given keys.

        Raises:
            DataError: a file of the lake is broken.
        """
        names = [*_names(definitions, field), "moment"]
        schema, wanted = pa.schema([(name, pa.int64()) for name in names]), pa.array(np.unique(keys))
        parts = [schema.empty_table()]
        files = _files(lake, definitions, field)
        for path in files:
            table = lake.read_table(path, names[:-1])
            table = table.filter(pc.is_in(table["key"], value_set=wanted))
            moments = np.full(table.num_rows, _moment_of(path))
            parts.append(table.append_column("moment", pa.array(moments, pa.int64())).cast(schema))
        rows = pa.concat_tables(parts)
        key, *figures, moment = (rows[name].to_numpy() for name in names)
        order = np.lexsort((moment, key))
        first = _moment_of(files[0]) if files else None
        empty = _empty_figures(definitions, field)
        return cls(key[order], moment[order], np.stack(figures, axis=1)[order], empty, first)

    def newest(self, keys: Ints, moments: Ints, before_last: int = 0) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """What serving had at moments, which is the newest published until then.

        Args:
            keys: (n,).
            moments: in periods since 1970, (n,).
            before_last: of what was published several times of one moment: 0 the last, 1 the one before, ...

        Returns:
            Figures (n, C), and of which of them there is such a publication (n,).
        """
        starts, ends = (np.searchsorted(self.keys, keys, side=side) for side in ("left", "right"))
        last = [
            start + int(np.searchsorted(self.moments[start:end], moment, side="right")) - 1
            for start, end, moment in zip(starts.tolist(), ends.tolist(), moments.tolist(), strict=True)
        ]
        known = np.array(last, dtype=np.int64) >= starts
        rows = np.where(known, last, 0) - before_last
        found = known & (rows >= starts)
        found[found] = self.moments[rows[found]] == self.moments[rows[found] + before_last]
        figures = np.tile(self.empty, (len(keys), 1))
        figures[found] = self.figures[rows[found]]
        is_new = ~known & (before_last == 0) & (self.first is not None and moments >= (self.first or 0))
        return figures, np.asarray(found | is_new, dtype=np.bool_)


def _names(definitions: Definitions, field: str) -> list[str]:
    return ["key", *(f"figure_{number}" for number in range(len(profile_columns(definitions, field))))]


def _empty_figures(definitions: Definitions, field: str) -> Ints:
    columns = profile_columns(definitions, field)
    return np.array([NEVER if one.quantity is Quantity.FIRST else 0 for one in columns], dtype=np.int64)


def _files(lake: Lake, definitions: Definitions, field: str) -> list[str]:
    """All files of a field, in the order of publication."""
    return sorted(
        lake.list_files(_folder(definitions, field)), key=lambda path: (_moment_of(path), _number_of(path))
    )


def _folder(definitions: Definitions, field: str) -> str:
    return f"{profile_folder(definitions)}/runs/{field}"


def _moment_of(path: str) -> int:
    return int(path.rpartition("/")[2].partition("-")[0])


def _number_of(path: str) -> int:
    """Which publication of its moment it is."""
    return int(path.rpartition("-")[2].removesuffix(".parquet"))
