"""Which transaction_ids are taken where a partition's chain of commits ends: kept in the lake between runs.

The file is a short cut. It is written after the commits of a run; what it lacks, or all of it, is made again
from the lake's rows and rejected conflicts.
"""

import logging
from contextlib import suppress

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from xxhash import xxh3_128_digest

from fraud.definitions.definitions import TAKEN_MS, Definitions
from fraud.definitions.features import DAY_MS
from fraud.features.events import encode_table, encode_transactions
from fraud.features.state_checks import require_ids
from fraud.ingest.commits import Commit, day_of, read_commits
from fraud.lake import Lake
from fraud.messages.admission import decoder_of_admitted
from fraud.native.id_index import CONFLICT_REASON, ID, IdIndex

_LOG = logging.getLogger(__name__)
Heads = npt.NDArray[np.void]
_FOLDER = "transactions/_commits/_ids"
_SUFFIX = ".taken"
_EARLIER_SUFFIX = ".ids"
"""Of files with other bits of hash and content, which are not read."""
_DIGEST_BYTES = 16


def load_taken(definitions: Definitions, lake: Lake, before: Commit | None, low_watermark: int) -> IdIndex:
    """The ids that are taken after `before`; no event time from there on is before `low_watermark` (ms).

    Raises:
        DataError: a file of the lake is broken.
    """
    if before is None:
        return IdIndex()
    position, index = _newest_state(lake, before)
    if position < before.end:
        events = _events_since(definitions, lake, before.partition, position, low_watermark)
        index.process(events)
        _LOG.info("taken ids of partition %d: %d rows read again", before.partition, len(events))
    return index


def save_taken(lake: Lake, partition: int, end: int, index: IdIndex, low_watermark: int) -> None:
    """Keep the ids that are taken at `end`, the offset where the chain of commits ends."""
    content = index.dump(low_watermark).tobytes()
    lake.write_bytes(xxh3_128_digest(content) + content, f"{_folder(partition)}/{end:020d}{_SUFFIX}")
    for path in lake.list_files(_folder(partition), _SUFFIX):
        if _offset_of(path) != end:
            lake.remove(path)
    for path in lake.list_files(_folder(partition), _EARLIER_SUFFIX):
        lake.remove(path)


def _newest_state(lake: Lake, before: Commit) -> tuple[int, IdIndex]:
    """The newest state that is not beyond the chain, and its offset; 0 and nothing without one."""
    for path in sorted(lake.list_files(_folder(before.partition), _SUFFIX), reverse=True):
        if _offset_of(path) <= before.end:
            with lake.open(path) as source:
                content = source.read()
            digest, ids = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
            with suppress(ValueError):
                found = np.frombuffer(ids, dtype=ID)
                require_ids(found)
                if digest == xxh3_128_digest(ids):
                    return _offset_of(path), IdIndex.restore(found)
            _LOG.warning("%s in the lake is damaged; it is made again from the rows", path)
    return 0, IdIndex()


def _events_since(
    definitions: Definitions, lake: Lake, partition: int, position: int, low_watermark: int
) -> Heads:
    """What the partition admitted from the offset on and can still matter, conflicts too, in its order."""
    first_day = day_of(max(0, low_watermark - TAKEN_MS - DAY_MS))
    commits = [
        commit
        for commit in read_commits(lake, "transactions")
        if commit.partition == partition and commit.end > position
    ]
    files = [file.path for commit in commits for file in commit.files if file.date >= first_day]
    parts = [_of_rows(definitions, lake.read_table(path)) for path in files]
    parts += [
        _of_conflicts(definitions, lake.read_table(commit.rejected)) for commit in commits if commit.rejected
    ]
    if not parts:
        return encode_transactions(definitions, []).heads
    offsets = np.concatenate([offsets for offsets, _ in parts])
    events = np.concatenate([events for _, events in parts])
    order = np.argsort(offsets, kind="stable")
    return events[order[offsets[order] >= position]]


def _of_rows(
    definitions: Definitions, rows: pa.Table
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], Heads]:
    return rows["offset"].to_numpy(), encode_table(definitions, rows).heads


def _of_conflicts(
    definitions: Definitions, rejected: pa.Table
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], Heads]:
    rows = [row for row in rejected.to_pylist() if row["reason"] == CONFLICT_REASON]
    decode, offsets, admitted = decoder_of_admitted(definitions), [], []
    for row in rows:
        # Definitions may have changed since: a message that no longer fits them takes no id.
        with suppress(ValueError):
            admitted.append(decode(row["value"]))
            offsets.append(row["offset"])
    return np.array(offsets, dtype=np.int64), encode_transactions(definitions, admitted).heads


def _folder(partition: int) -> str:
    return f"{_FOLDER}/p{partition}"


def _offset_of(path: str) -> int:
    return int(path.rsplit("/", 1)[1].removesuffix(_SUFFIX))
