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
from fraud.profiles.layout import profile_columns
from fraud.profiles.making.files import profile_folder

Ints = npt.NDArray[np.int64]


def store_run(
    lake: Lake, definitions: Definitions, field: str, moment: int, keys: Ints, figures: Ints
) -> None:
    """Store what a run is about to publish of a field.

    Args:
        lake: where.
        definitions: with profiles of the field.
        field: its name.
        moment: of the run, in periods since 1970.
        keys: whose profiles changed, (n,).
        figures: theirs, in the order of `profile_columns`, (n, C).
    """
    table = pa.table([keys, *figures.T], names=_names(definitions, field))
    lake.write_table(table, f"{_folder(definitions, field)}/{moment}.parquet")


def forget_runs(lake: Lake, definitions: Definitions, before: int) -> None:
    """Remove what runs of moments before this one published."""
    for field in definitions.profile_fields:
        for path in lake.list_files(_folder(definitions, field)):
            if _moment_of(path) < before:
                lake.remove(path)


@dataclass(frozen=True)
class PublishedProfiles:
    """What was published of some keys of a field.

    Attributes:
        keys: (R,), ascending.
        moments: at which, ascending for each key, (R,).
        figures: as `profile_columns` has them, (R, C).
    """

    keys: Ints
    moments: Ints
    figures: Ints

    @classmethod
    def read(cls, lake: Lake, definitions: Definitions, field: str, keys: Ints) -> Self:
        """Of the given keys.

        Raises:
            DataError: a file of the lake is broken.
        """
        names = [*_names(definitions, field), "moment"]
        schema, wanted = pa.schema([(name, pa.int64()) for name in names]), pa.array(np.unique(keys))
        parts = [schema.empty_table()]
        for path in lake.list_files(_folder(definitions, field)):
            table = lake.read_table(path, names[:-1])
            table = table.filter(pc.is_in(table["key"], value_set=wanted))
            moments = np.full(table.num_rows, _moment_of(path))
            parts.append(table.append_column("moment", pa.array(moments, pa.int64())).cast(schema))
        rows = pa.concat_tables(parts).sort_by([("key", "ascending"), ("moment", "ascending")])
        key, *figures, moment = (rows[name].to_numpy() for name in names)
        return cls(key, moment, np.stack(figures, axis=1))

    def newest(self, keys: Ints, moments: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """What serving had at moments, which is the newest published until then.

        Args:
            keys: (n,).
            moments: in periods since 1970, (n,).

        Returns:
            Figures (n, C), and for which of them something is stored (n,).
        """
        figures, found = (
            np.zeros((len(keys), self.figures.shape[1]), dtype=np.int64),
            np.zeros(len(keys), bool),
        )
        starts, ends = (np.searchsorted(self.keys, keys, side=side) for side in ("left", "right"))
        for place, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            row = start + int(np.searchsorted(self.moments[start:end], moments[place], side="right")) - 1
            if row >= start:
                figures[place], found[place] = self.figures[row], True
        return figures, found


def _names(definitions: Definitions, field: str) -> list[str]:
    return ["key", *(f"figure_{number}" for number in range(len(profile_columns(definitions, field))))]


def _folder(definitions: Definitions, field: str) -> str:
    return f"{profile_folder(definitions)}/published/{field}"


def _moment_of(path: str) -> int:
    return int(path.rpartition("/")[2].removesuffix(".parquet"))
