"""Numbers for the workers of one machine, so that a restarted worker finds its transactional.id again.

A restart under the same transactional.id ends at once what the crashed process left open; under another one
it would have to wait for the transaction's time-out. The operating system frees a number when its owner dies.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path


@contextmanager
def claim_worker_index(folder: Path) -> Iterator[int]:
    """The lowest number that no running process has claimed, from 0; claimed until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in count():
        # Earlier versions lock the same file.
        with (folder / f"slot-{index}.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield index
            return
