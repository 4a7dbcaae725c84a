"""Avro: records of the writer's schema as plain values.

fastavro decodes, with the logical types taken out of the schema; what they mean is applied here, so that a
time or a decimal of any size is exact and none raises within the library.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import fastavro

from fraud.messages.decoding import MessageError
from fraud.messages.formats.values import DAY_MS, Converter, decimal_of_bytes, shortest_float

_TIMES: dict[str, Converter] = {
    "timestamp-micros": lambda value: value // 1_000,
    "timestamp-nanos": lambda value: value // 1_000_000,
    "local-timestamp-micros": lambda value: value // 1_000,
    "local-timestamp-nanos": lambda value: value // 1_000_000,
    "time-micros": lambda value: value // 1_000,
    "date": lambda value: value * DAY_MS,
}
"""Of logical types that are not in ms already."""

_PYTHON_TYPES: dict[str, type] = {
    "boolean": bool, "int": int, "long": int, "float": float, "double": float, "string": str, "enum": str,
    "bytes": bytes, "fixed": bytes, "array": list, "map": dict, "record": dict, "error": dict,
}  # fmt: skip


class AvroDecoder:
    """Decodes records of one schema.

    Args:
        schema: the writer's, as JSON values.
        references: the schemas that it refers to, each after those that it refers to itself.
        wanted: names of top-level fields; the others are dropped.

    Raises:
        ValueError: the schema is no record, or a short message of it could keep us busy for hours or overflow
            the library's stack.
    """

    def __init__(self, schema: Any, references: Sequence[Any], wanted: frozenset[str]) -> None:
        named: dict[str, Any] = {}
        known: dict[str, Any] = {}
        for one in references:
            fastavro.parse_schema(_without_logical_types(one), known)
            fastavro.parse_schema(one, named)
        self._schema = fastavro.parse_schema(_without_logical_types(schema), known)
        parsed = fastavro.parse_schema(schema, named)
        if not isinstance(parsed, dict) or parsed.get("type") != "record":
            raise ValueError("it is no record")
        _require_bounded(parsed, named)
        self._fields = [*_wanted_fields(parsed, named, wanted)]

    def decode(self, payload: bytes) -> dict[str, Any]:
        """The wanted fields of a record.

        Raises:
            MessageError: the payload is not of this schema.
        """
        source = io.BytesIO(payload)
        try:
            # Only where a union has several records does their name say which one a value is.
            record: Any = fastavro.schemaless_reader(
                source, self._schema, None, return_record_name=True, return_record_name_override=True
            )
        except Exception as error:
            raise MessageError(f"it does not fit its Avro schema ({_reason(error)})") from None
        left = len(source.read())
        if left:
            raise MessageError(f"it is {left} bytes longer than its Avro schema says")
        return {name: convert(record[source_name]) for name, source_name, convert in self._fields}


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _wanted_fields(
    parsed: Mapping[str, Any], named: Mapping[str, Any], wanted: frozenset[str]
) -> Iterable[tuple[str, str, Converter]]:
    """Each wanted name, the field that has it as name or alias, and its converter."""
    fields = {field["name"]: field for field in parsed["fields"]}
    aliases = {alias: field for field in parsed["fields"] for alias in field.get("aliases", ())}
    for name in sorted(wanted):
        field = fields.get(name) or aliases.get(name)
        if field is not None:
            yield name, field["name"], _converter(field["type"], named)


def _converter(schema: Any, named: Mapping[str, Any]) -> Converter:
    """What makes a value of the schema plain."""
    schema = _resolved(schema, named)
    if isinstance(schema, list):
        return _union_converter(schema, named)
    kind, logical = schema["type"], schema.get("logicalType")
    if kind == "record":
        return _record_converter(schema, named)
    if kind == "array":
        item = _converter(schema["items"], named)
        return lambda values: [item(value) for value in values]
    if kind == "map":
        entry = _converter(schema["values"], named)
        return lambda values: {key: entry(value) for key, value in values.items()}
    if logical == "decimal":
        return lambda value: decimal_of_bytes(value, schema.get("scale", 0))
    if logical == "uuid" and kind == "fixed":
        return lambda value: str(UUID(bytes=value))
    return _TIMES.get(logical) or (shortest_float if kind == "float" else _unchanged)


def _resolved(schema: Any, named: Mapping[str, Any]) -> Any:
    """A union as a list, any other as an object whose `type` is Avro's own: no name, nothing nested."""
    while isinstance(schema, str) or (isinstance(schema, dict) and not _is_own(schema["type"])):
        inner = schema if isinstance(schema, str) else schema["type"]
        if _is_own(inner):
            return {"type": inner}
        schema = named[inner] if isinstance(inner, str) else inner
    return schema


def _is_own(kind: Any) -> bool:
    return isinstance(kind, str) and (kind == "null" or kind in _PYTHON_TYPES)


def _unchanged(value: Any) -> Any:
    return value


def _record_converter(schema: Mapping[str, Any], named: Mapping[str, Any]) -> Converter:
    fields = [
        (output, field["name"], _converter(field["type"], named))
        for field in schema["fields"]
        # An alias is an earlier name of the field: paths that were declared with it go on being found.
        for output in (*field.get("aliases", ()), field["name"])
    ]
    return lambda record: {output: convert(record[name]) for output, name, convert in fields}


def _union_converter(branches: Sequence[Any], named: Mapping[str, Any]) -> Converter:
    """By the value's Python type, and by the name of a record where there are several."""
    by_type: dict[type, Converter] = {}
    by_name: dict[str, Converter] = {}
    for branch in branches:
        resolved = _resolved(branch, named)
        if resolved["type"] == "null":
            continue
        convert = _converter(resolved, named)
        by_type.setdefault(_PYTHON_TYPES[resolved["type"]], convert)
        by_name[resolved.get("name", "")] = convert

    def convert_branch(value: Any) -> Any:
        if isinstance(value, tuple):
            name, value = value
            return by_name[name](value)
        return None if value is None else by_type[type(value)](value)

    return convert_branch


def _require_bounded(schema: Any, named: Mapping[str, Any], inside: frozenset[str] = frozenset()) -> None:
    """Check that what is read of a message is bounded by its length.

    Raises:
        ValueError: a record contains itself, so that a deep value overflows fastavro's stack, or the items of
            an array have no bytes, so that any number of them can be claimed.
    """
    if isinstance(schema, str):
        if schema in inside:
            raise ValueError(f"its record {schema} contains itself")
        schema = named.get(schema)
    if isinstance(schema, list):
        for branch in schema:
            _require_bounded(branch, named, inside)
    elif isinstance(schema, dict):
        if "items" in schema and _is_without_bytes(schema["items"], named):
            raise ValueError("its array has items without bytes")
        inside |= {schema["name"]} if "name" in schema else set()
        for part in _parts(schema):
            _require_bounded(part, named, inside)


def _parts(schema: Mapping[str, Any]) -> list[Any]:
    """The schemas within a schema."""
    fields = [field["type"] for field in schema.get("fields", ())]
    nested = [] if _is_own(schema["type"]) else [schema["type"]]
    return [*fields, *nested, *(schema[name] for name in ("items", "values") if name in schema)]


def _is_without_bytes(schema: Any, named: Mapping[str, Any]) -> bool:
    resolved = _resolved(schema, named)
    if isinstance(resolved, list):
        return False
    if resolved["type"] == "record":
        return all(_is_without_bytes(part, named) for part in _parts(resolved))
    return bool(resolved["type"] == "null" or resolved.get("size") == 0)


def _without_logical_types(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_logical_types(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: _without_logical_types(one) for name, one in schema.items() if name != "default"}
    return {name: one for name, one in kept.items() if name != "logicalType" or "type" not in schema}
