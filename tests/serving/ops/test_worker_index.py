"""Workers of one machine have different numbers."""

from pathlib import Path

from serving.ops.worker_index import claim_worker_index


def test_a_worker_takes_the_lowest_free_number(tmp_path: Path) -> None:
    with claim_worker_index(tmp_path) as first:
        with claim_worker_index(tmp_path) as second:
            assert (first, second) == (0, 1)
        with claim_worker_index(tmp_path) as again:
            assert again == 1
