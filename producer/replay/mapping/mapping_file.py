"""Which source column, or constant, feeds which field, and how its values are written; a small YAML file.

Each entry names a target field and one of:

    card_id: cc_num                                      # a column
    currency: {value: USD}                               # a constant
    timestamp: {column: ts, format: epoch_s}             # a column and how to read it
    timestamp: {columns: [day, time], zone: Europe/Rome} # several columns, in local time
    transaction_id: {row: number}                        # file name and row number (or the row's `hash`)
    is_fraud: Class                                      # a label, here or in the file of labels
    country: null                                        # not this, though there is a column of that name

The targets are the fields of the definitions, and those of labels. One that is not named comes from the
column that is called like its path in the message, else like the field, if there is one. `file` says how
the file is written, `labels` holds entries (and `file`) for the file of labels alone. docs/data/your-data.md
lists all.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import Field, FieldType
from fraud.errors import ConfigurationError
from producer.label_fields import LABEL_FIELDS
from producer.replay.files.source import FileOptions
from producer.replay.mapping.columns import ColumnMapping, FieldSource
from producer.replay.mapping.entries import FileEntry, MappingEntry

_ONLY_TIMES = ("format", "zone", "repeated", "start")
_ONLY_EXACT = ("round",)
_ONLY_NUMBERS = ("decimal", "thousands")
_EXACT_TYPES = (FieldType.MONEY, FieldType.FIXED)
_NUMBER_TYPES = (*_EXACT_TYPES, FieldType.NUMBER)
_FEW = 20


def read_mapping(definitions: Definitions, path: Path) -> ColumnMapping:
    """The mapping of a YAML file onto the fields of the definitions and of labels.

    Raises:
        ConfigurationError: the file is missing, is not a mapping, or an entry is wrong; names its line.
    """
    try:
        root = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(
            f"the mapping {path} cannot be read: {' '.join(str(error).split())}"
        ) from None
    if not isinstance(root, yaml.MappingNode) or not root.value:
        raise ConfigurationError(f"the mapping {path} must hold lines such as `card_id: cc_num`")
    of_labels = {field.name: field for field in LABEL_FIELDS}
    return _columns(path, root, of_labels | definitions.field_by_name, of_labels)


def _columns(
    path: Path, root: yaml.MappingNode, fields: Mapping[str, Field], of_labels: Mapping[str, Field] | None
) -> ColumnMapping:
    """The entries of the file, or (without `of_labels`) of its part for the file of labels."""
    found, seen = ColumnMapping(), set[str]()
    for key, node in root.value:
        target, where = str(key.value), f"the mapping {path}, line {key.start_mark.line + 1}: {key.value}"
        if target in seen:
            raise ConfigurationError(f"{where} is named twice")
        seen.add(target)
        if target == "file":
            found.file = FileOptions(**_validated(FileEntry, node, where).model_dump())
        elif target == "labels" and of_labels is not None and isinstance(node, yaml.MappingNode):
            found.labels = _columns(path, node, {**fields, **of_labels}, None)
        elif target in fields:
            found[target] = _source(fields[target], node, where)
        else:
            raise ConfigurationError(f"{where} is no field{_close(target, fields)}")
    return found


def _close(target: str, fields: Mapping[str, Field]) -> str:
    """What the fields are, the likeliest alone where there is one."""
    close = get_close_matches(target, fields, 1)
    if close and len(fields) > _FEW:
        return f"; did you mean {close[0]}?"
    return f"; the fields are {', '.join(sorted(fields))}, file and labels"


def _source(field: Field, node: yaml.Node, where: str) -> FieldSource:
    if isinstance(node, yaml.ScalarNode):
        if node.tag.endswith(":null"):
            return FieldSource()
        if not node.tag.endswith(":str"):
            raise ConfigurationError(
                f"{where} is {node.value}: put a column's name that is a number into quotes"
            )
        return FieldSource(column=node.value)
    entry: MappingEntry = _validated(MappingEntry, node, where)
    _check_suited(field, entry, where)
    return entry.source()


def _check_suited(field: Field, entry: MappingEntry, where: str) -> None:
    given = entry.model_fields_set
    for options, types, kind in (
        (_ONLY_TIMES, (FieldType.TIME,), "times"),
        (_ONLY_EXACT, _EXACT_TYPES, "amounts and fixed-point numbers"),
        (_ONLY_NUMBERS, _NUMBER_TYPES, "numbers"),
    ):
        unsuited = [name for name in options if name in given and field.type not in types]
        if unsuited:
            raise ConfigurationError(f"{where} has {', '.join(unsuited)}, which only {kind} have")
    if entry.unit == "minor" and field.type is not FieldType.MONEY:
        raise ConfigurationError(f"{where} has unit: minor, which only amounts have")


def _validated(model: type[Any], node: yaml.Node, where: str) -> Any:
    try:
        return model.model_validate(_plain(node))
    except ValidationError as error:
        first = error.errors()[0]
        option = ".".join(map(str, first["loc"]))
        words = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            words = f"is not known; known are {', '.join(model.model_fields)}"
        elif first["type"] == "model_type":
            words = "must be a column's name, {column: ...} or {value: ...}"
        line = _line_of(node, first["loc"])
        at = f" (line {line})" if line is not None else ""
        raise ConfigurationError(f"{where}{': ' if option else ''}{option}{at} {words}") from None


def _plain(node: yaml.Node) -> Any:
    """A node as written: scalars stay text, so that `no` is Norway and 007 keeps its zeros."""
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(value) for value in node.value]
    return node.value


def _line_of(node: yaml.Node, location: Sequence[int | str]) -> int | None:
    if not location or not isinstance(node, yaml.MappingNode):
        return None
    return next(
        (key.start_mark.line + 1 for key, _ in node.value if str(key.value) == str(location[0])), None
    )
