"""Parquet files."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fraud.errors import DataError
from producer.replay.files.source import BATCH_ROWS, Chunk, FileDescription, Reject, broken, unique_names


class ParquetSource:
    """A Parquet file; fields of a struct are columns of their own, named `struct.field`."""

    position_name = "row"

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with pq.ParquetFile(path) as file:
                flat = pa.Table.from_batches([], file.schema_arrow).flatten()
                self.about = FileDescription("Parquet", {"rows": f"{file.metadata.num_rows:,}"})
        except (pa.ArrowException, OSError) as error:
            raise DataError(broken(path, error)) from None
        self.columns: list[str] = unique_names(flat.column_names)

    def describe_position(self, position: int) -> str:
        """Describe a row's position, such as `line 3`."""
        return f"row {position}"

    def chunks(self, reject: Reject) -> Iterator[Chunk]:
        """The rows in the file's order; none of them can be misshapen."""
        start = 1
        try:
            with pq.ParquetFile(self._path) as file:
                for batch in file.iter_batches(BATCH_ROWS):
                    rows = self._flat(batch)
                    yield Chunk(rows, np.arange(start, start + len(rows), dtype=np.int64))
                    start += len(rows)
        except (pa.ArrowException, OSError) as error:
            raise DataError(broken(self._path, error)) from None

    def _flat(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if any(pa.types.is_struct(field.type) for field in batch.schema):
            batch = pa.Table.from_batches([batch]).flatten().combine_chunks().to_batches()[0]
        return pa.record_batch(batch.columns, names=self.columns)
