"""Statements that run with many rows: compiled once, their values are passed to the driver as they are."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Executable, RowMapping, Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite

_MOST_PAIRS = 512

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


class KeyStatement:
    """A query for the rows of many pairs of texts, compiled once for each number of pairs, not each time.

    Args:
        query: with a condition on the expanding parameter `keys`, once or several times.
    """

    def __init__(self, query: Any) -> None:
        self._query = query
        self._compiled: dict[tuple[str, int], tuple[str, list[int]]] = {}

    def rows(self, connection: Connection, keys: Collection[tuple[str, str]]) -> Iterator[RowMapping]:
        """The rows of these pairs, asked for 512 at a time."""
        wanted = list(keys)
        for first in range(0, len(wanted), _MOST_PAIRS):
            part = wanted[first : first + _MOST_PAIRS]
            # Filled up with the last one, so that few numbers of pairs are compiled.
            part += part[-1:] * (_power_of_two(len(part)) - len(part))
            values = [text for pair in part for text in pair]
            sql, positions = self._sql(connection, len(part))
            yield from connection.exec_driver_sql(
                sql, tuple(values[position] for position in positions)
            ).mappings()

    def _sql(self, connection: Connection, count: int) -> tuple[str, list[int]]:
        """The statement for so many pairs, and which of their texts each of its parameters is."""
        known = (connection.dialect.name, count)
        if known not in self._compiled:
            pairs = [(2 * number, 2 * number + 1) for number in range(count)]
            compiled = self._query.params(keys=pairs).compile(
                dialect=connection.dialect, compile_kwargs={"render_postcompile": True}
            )
            self._compiled[known] = str(compiled), [compiled.params[name] for name in compiled.positiontup]
        return self._compiled[known]


def _power_of_two(count: int) -> int:
    return 1 << (count - 1).bit_length()
