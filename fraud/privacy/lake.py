"""A card's rows in the lake: every Parquet file that has some is written again without them, under its name.

Commits and manifests stay as they are but for the number of rows of a day, so that nothing is computed again:
what serving computed of other cards stays what training reads. A file is replaced whole, which readers
survive, and a run that was killed is repeated.
"""

from collections import Counter
from collections.abc import Iterator

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fraud.errors import DataError
from fraud.lake import Lake
from fraud.preprocess.days import DayManifest
from fraud.privacy.cards import CardMatcher, NamedCard
from fraud.privacy.forgotten import ForgottenCards
from fraud.privacy.results import StoreResult

_DATE = "/date="


def forget_in_lake(lake: Lake, cards: CardMatcher, *, is_dry_run: bool = False) -> list[StoreResult]:
    """Remove the rows that name a card; returns how many, by dataset.

    Rows of every file count, those of other definitions and of files that no commit names, too. Rejected
    messages are looked through as they are. The state of serving (`state/`) has no ids and is left.

    Raises:
        DataError: a file is broken.
        UnreachableError: there is no space left.
    """
    removed: Counter[str] = Counter()
    for path in lake.list_files("", ".parquet"):
        rows = _named_rows(lake, path, cards)
        if rows is None:
            continue
        removed[_dataset_of(path)] += rows
        if not is_dry_run:
            _remove_rows(lake, path, cards)
    return [StoreResult(f"lake: {name}", count) for name, count in sorted(removed.items())]


def forget_again(lake: Lake, cards: ForgottenCards) -> int:
    """Remove rows that a run wrote while their card was being forgotten; returns how many.

    Raises:
        DataError: a file is broken.
    """
    return sum(one.removed for one in forget_in_lake(lake, cards)) if cards else 0


def _named_rows(lake: Lake, path: str, cards: CardMatcher) -> int | None:
    """How many rows of a file name a card; None: none."""
    try:
        with lake.filesystem.open(lake.path(path), "rb") as source:
            file = pq.ParquetFile(source)
            columns = [one.name for one in file.schema_arrow if _may_name_card(one.type)]
            rows = file.read(columns)
    except (pa.ArrowException, FileNotFoundError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"the lake's file {path} cannot be read ({reason}), so a card may be in it; restore or remove it "
            "and run this again"
        ) from error
    count = int(pc.sum(_names_card(rows, cards)).as_py() or 0)
    return count or None


def _remove_rows(lake: Lake, path: str, cards: CardMatcher) -> None:
    before = lake.read_table(path)
    after = before.filter(pc.invert(_names_card(before, cards)))
    lake.write_table(after, path)
    _count_rows_again(lake, path, before.num_rows - after.num_rows)


def _count_rows_again(lake: Lake, path: str, removed: int) -> None:
    """Bring the manifest of a day of derived rows up to date, if the file is one of its."""
    dataset, _, rest = path.partition(_DATE)
    manifest_path = f"{dataset}/_days/{rest.split('/')[0]}.json"
    if not rest or not lake.exists(manifest_path):
        return
    manifest = msgspec.convert(lake.read_json(manifest_path), DayManifest, strict=False)
    if path in manifest.files:
        counted = msgspec.structs.replace(manifest, rows=manifest.rows - removed)
        lake.write_json(msgspec.to_builtins(counted), manifest_path)


def _names_card(rows: pa.Table, cards: CardMatcher) -> pa.Array:
    """Which rows have a text that is a card's id, or a message that names it; (n,) booleans."""
    found = pa.array([False] * rows.num_rows, pa.bool_())
    for name in rows.column_names:
        column = rows[name].combine_chunks()
        if _is_text(column.type):
            found = pc.or_(found, _is_one_of(column, _cards_among(column, cards)))
        elif pa.types.is_binary(column.type):
            named = [value is not None and cards.is_named_in(value) for value in column.to_pylist()]
            found = pc.or_(found, pa.array(named, pa.bool_()))
    return found


def _cards_among(column: pa.Array, cards: CardMatcher) -> list[str]:
    if isinstance(cards, NamedCard):
        return sorted(cards.ids)
    return [one for one in pc.unique(column).to_pylist() if one is not None and cards.has(one)]


def _is_one_of(column: pa.Array, ids: list[str]) -> pa.Array:
    return pc.is_in(column, value_set=pa.array(ids, column.type))


def _may_name_card(kind: pa.DataType) -> bool:
    """Texts, and messages as they came."""
    return _is_text(kind) or bool(pa.types.is_binary(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _dataset_of(path: str) -> str:
    """The part of a path before its day and its underscored folders: `transactions`, `features/v1`."""
    return "/".join(_until_detail(path.split("/")[:-1])) or path


def _until_detail(parts: list[str]) -> Iterator[str]:
    for part in parts:
        if (part.startswith("_") and part != "_rejected") or "=" in part:
            return
        yield part
