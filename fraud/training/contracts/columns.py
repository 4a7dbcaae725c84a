"""What the lake's tables must satisfy before they are joined: columns, kinds of values, nothing unknown.

What holds of single rows and their features is checked afterwards, in `fraud.training.contracts.rows`.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.errors import DataError

Kind = Callable[[pa.DataType], bool]

IDENTITY_COLUMNS = ("transaction_id", "card_id", "merchant_id", "currency")
POSITION_COLUMNS = ("timestamp", "amount", "partition", "offset")
LABEL_COLUMNS = ("transaction_id", "is_fraud", "reported_at")

_SHOWN = 5


def require_rows(rows: pa.Table, features: tuple[str, ...], may_lack: tuple[str, ...] = ()) -> None:
    """Stop at training rows that cannot be put in order or read as numbers.

    Args:
        rows: with identity, position and features.
        features: their names.
        may_lack: columns that may be null in some rows.

    Raises:
        DataError: names the columns or the transactions.
    """
    what = "the training rows"
    require_columns(rows, (*IDENTITY_COLUMNS, *POSITION_COLUMNS, *features), what)
    _require_kind(rows, IDENTITY_COLUMNS, _is_text, what, "text")
    _require_kind(rows, POSITION_COLUMNS, pa.types.is_integer, what, "integers")
    _require_kind(rows, features, _is_number, what, "numbers")
    _require_known(rows, tuple(name for name in POSITION_COLUMNS if name not in may_lack), what)


def require_labels(labels: pa.Table) -> None:
    """Stop at incomplete labels; `fraud.labels` decides which of contradictory ones counts.

    Raises:
        DataError: names the columns or the transactions.
    """
    what = "the labels"
    require_columns(labels, LABEL_COLUMNS, what)
    _require_kind(labels, ("transaction_id",), _is_text, what, "text")
    _require_kind(labels, ("is_fraud",), pa.types.is_boolean, what, "true or false")
    _require_kind(labels, ("reported_at",), pa.types.is_integer, what, "integers")
    _require_known(labels, LABEL_COLUMNS, what)


def require_columns(table: pa.Table, wanted: tuple[str, ...], what: str) -> None:
    """Stop when a column is missing.

    Raises:
        DataError: names the columns.
    """
    missing = [name for name in wanted if name not in table.column_names]
    if missing:
        raise DataError(
            f"{what} lack {', '.join(missing[:_SHOWN])}; run the preprocess flow again with this version"
        )


def _require_kind(table: pa.Table, columns: tuple[str, ...], kind: Kind, what: str, expected: str) -> None:
    wrong = [f"{name} ({table[name].type})" for name in columns if not kind(table[name].type)]
    if wrong:
        raise DataError(
            f"in {what} {', '.join(wrong[:_SHOWN])} should hold {expected}; "
            "these files were written in another layout: fix the lake first"
        )


def _require_known(table: pa.Table, columns: tuple[str, ...], what: str) -> None:
    for name in columns:
        if table[name].null_count:
            unknown = np.flatnonzero(pc.is_null(table[name]).to_numpy())
            raise DataError(
                f"{len(unknown)} of {what} have no {name} (first: {_first_ids(table, unknown)}); "
                "fix the lake first"
            )


def _first_ids(table: pa.Table, index: npt.NDArray[np.int64]) -> str:
    first = table["transaction_id"].take(pa.array(index[:_SHOWN])).to_pylist()
    return ", ".join(map(str, first))


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))
