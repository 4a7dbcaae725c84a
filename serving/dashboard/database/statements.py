"""Statements that run with many rows: compiled once, their values are passed to the driver as they are."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Executable, Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite

Insert = sqlite.Insert | postgresql.Insert


def insert_into(connection: Connection, table: Table, columns: Collection[str] | None = None) -> Any:
    """An INSERT of these columns (default: all), in the table's order, that can have `on_conflict_...`."""
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    names = [column.name for column in table.columns if columns is None or column.name in columns]
    return insert.values({name: bindparam(name) for name in names})


class RowStatement:
    """A statement for rows of positional values: Core's own work for each value costs more than the rest.

    Args:
        connection: of the dialect that it is compiled for.
        statement: with bound parameters.
        names: of the parameters, in the order that rows have.

    Raises:
        ValueError: the statement has its parameters in another order.
    """

    def __init__(self, connection: Connection, statement: Executable, names: Sequence[str]) -> None:
        compiled: Any = statement.compile(dialect=connection.dialect)  # type: ignore[attr-defined]
        if list(names) != compiled.positiontup:
            raise ValueError(f"the statement has {compiled.positiontup}, rows would have {list(names)}")
        self._sql = str(compiled)

    def run(self, connection: Connection, rows: Collection[Sequence[object]]) -> None:
        """Run it with each row, within the caller's transaction."""
        if rows:
            connection.exec_driver_sql(self._sql, list(rows))
