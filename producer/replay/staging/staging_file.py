"""Accepted rows on disk until they are published: written once, in order; read back by row number.

The columns that order and joining need are read whole (8 bytes a row); the rows stay on the disk.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Rows = npt.NDArray[np.int64]


class StagingWriter:
    """Appends batches of one schema to a file."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._schema = schema
        self._file = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._file, schema)

    def append(self, batch: pa.RecordBatch) -> None:
        """Add rows at the end."""
        if len(batch):
            self._writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=self._schema))

    def close(self) -> "StagingFile":
        """End the writing and open what was written."""
        self._writer.close()
        self._file.close()
        return StagingFile(self._path)


class StagingFile:
    """Rows by number, of a file that may be larger than memory."""

    def __init__(self, path: Path) -> None:
        self._reader = pa.ipc.open_file(pa.memory_map(str(path)))
        sizes = [len(self._reader.get_batch(index)) for index in range(self._reader.num_record_batches)]
        self._starts = np.cumsum([0, *sizes])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def column(self, name: str) -> npt.NDArray[Any]:
        """A column that holds numbers, whole."""
        parts = [self._batch(index).column(name).to_numpy(zero_copy_only=False) for index in self._batches()]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    def batches(self) -> list[pa.RecordBatch]:
        """All rows, in the order of writing, mapped and not yet read."""
        return [self._batch(index) for index in self._batches()]

    def take(self, rows: Rows) -> pa.Table:
        """The rows of these numbers, in this order."""
        batch_of = np.searchsorted(self._starts, rows, side="right") - 1
        order = np.argsort(batch_of, kind="stable")
        present, starts = np.unique(batch_of[order], return_index=True)
        parts = [
            self._batch(batch).take(pa.array(own - self._starts[batch]))
            for batch, own in zip(present.tolist(), np.split(rows[order], starts[1:]), strict=True)
        ]
        gathered = pa.Table.from_batches(parts, self._reader.schema)
        back = np.empty_like(order)
        back[order] = np.arange(len(rows))
        return gathered.take(pa.array(back))

    def _batches(self) -> range:
        return range(self._reader.num_record_batches)

    def _batch(self, index: int) -> pa.RecordBatch:
        return self._reader.get_batch(index)
