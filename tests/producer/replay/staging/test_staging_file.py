"""Staged rows on disk."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.replay.staging.staging_file import StagingFile, StagingWriter


@given(st.lists(st.lists(st.integers(0, 50), max_size=8), max_size=5), st.randoms())
def test_staged_rows_come_back_by_number(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]], random: Any
) -> None:
    staged = staged_file(
        tmp_path_factory.mktemp("staging"), pa.schema([("n", pa.int64())]), [{"n": b} for b in batches]
    )
    values = [value for batch in batches for value in batch]
    wanted = [random.randrange(len(values)) for _ in range(10)] if values else []

    assert len(staged) == len(values)
    assert staged.column("n").tolist() == values
    if wanted:
        assert staged.take(np.array(wanted))["n"].to_pylist() == [values[number] for number in wanted]


def staged_file(folder: Path, schema: pa.Schema, batches: list[dict[str, list[Any]]]) -> StagingFile:
    writer = StagingWriter(folder / "rows.arrow", schema)
    for batch in batches:
        writer.append(pa.record_batch(batch, schema=schema))
    return writer.close()
