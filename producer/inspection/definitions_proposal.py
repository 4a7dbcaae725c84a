"""Definitions to start from for a file: the shipped ones, and fields for its further columns."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import CORE_FIELDS, FieldType
from fraud.definitions.loading import SHIPPED, load_definitions, parse_definitions
from fraud.definitions.schema import SCHEMA_FILE
from fraud.definitions.texts import field_text
from fraud.machine.terminal import without_controls
from fraud.settings import AdmissionSettings
from producer.inspection.mapping_text import yaml_text
from producer.inspection.proposal import ProposedField
from producer.inspection.report import FileReport, inspect_files

_MOST_NUMBERS = 50
_UNIQUE_SHARE = 0.9
_FEATURE_NAME = re.compile(r"^  - \{name: (\w+),")
_FIELD_NAME = re.compile(r"^  (\w+): \{")


@dataclass(frozen=True)
class DefinitionsProposal:
    """What `fraud definitions init --from` writes.

    Attributes:
        definitions: the text of definitions.yaml.
        mapping: the text of mapping.yaml, for these definitions.
        notes: what the user should look at, a sentence each.
    """

    definitions: str
    mapping: str
    notes: tuple[str, ...]


def propose_definitions(admission: AdmissionSettings, path: Path) -> DefinitionsProposal:
    """Definitions and a mapping for a file of transactions.

    Raises:
        FraudError: the file cannot be read.
    """
    found = inspect_files(load_definitions(), admission, path)
    text = definitions_text(found.transactions, found.further_fields)
    # Again with the new fields: the columns that feed them are mapped by the same rules as all others.
    again = inspect_files(parse_definitions(text), admission, path)
    notes = tuple(one.text for one in again.transactions.suspicions)
    return DefinitionsProposal(text, again.proposal or "", notes)


def definitions_text(report: FileReport, further: list[ProposedField]) -> str:
    """The shipped definitions without what the file lacks, with what its further columns allow."""
    shipped = load_definitions()
    present = {*CORE_FIELDS, *report.fields.values()}
    missing = {one.name for one in shipped.fields if one.name not in present}
    unneeded = _unneeded_features(shipped, missing)
    gone = missing | {one.place for one in shipped.fields if one.name in missing and one.place}
    fields, features = _shipped_lines(gone, unneeded)
    usable = [one for one in further if not one.is_suspicious]
    names = set(shipped.feature_names) - unneeded
    added = [line for one in usable for line in _feature_lines(one, report, names)]
    parts = {
        "fields": [*fields, *map(_field_line, further)],
        "entities": ["  card: {key: card_id}"],
        "features": [*features, *(["  # Of the file's further columns.", *added] if added else [])],
    }
    head = (
        f"# yaml-language-server: $schema={SCHEMA_FILE.name}\n"
        f"# Started from {without_controls(report.path.name)}. docs/definitions.md explains each line.\n"
        "version: 1\n"
    )
    return head + "".join("\n".join(["", f"{name}:", *lines, ""]) for name, lines in parts.items())


def _unneeded_features(shipped: Definitions, missing: Collection[str]) -> set[str]:
    return {
        one.name
        for one in shipped.features
        if not {*one.of, *(condition.field for condition in one.where), one.zone}.isdisjoint(missing)
    }


def _shipped_lines(gone: Collection[str], unneeded: Collection[str]) -> tuple[list[str], list[str]]:
    """The lines of the shipped fields and of its features that stay."""
    head, _, tail = SHIPPED.read_text(encoding="utf-8").partition("\nfeatures:\n")
    fields = [
        line
        for line in head.splitlines()
        if (name := _FIELD_NAME.match(line)) and name[1] not in {*gone, "card"}
    ]
    features = []
    for line in tail.splitlines():
        name = _FEATURE_NAME.match(line)
        if name is None or name[1] not in unneeded:
            features.append(line)
    return fields, features


def _field_line(one: ProposedField) -> str:
    options = [f"type: {one.type.value}"]
    if one.column_range is not None:
        options.append(f"columns: {one.column_range}")
    elif one.path is not None:
        options.append(f"path: {yaml_text(one.path)}")
    line = f"{one.name}: {{{', '.join([*options, 'optional: true'])}}}"
    if one.is_suspicious:
        return f"  # Perhaps known only after the fraud was: {line}"
    # Examples of identifiers may be those of people.
    examples = [] if one.type is FieldType.ID else [without_controls(text) for text in one.examples]
    return f"  {line}" + (f"  # {', '.join(examples)}" if examples else "")


def _feature_lines(one: ProposedField, report: FileReport, names: set[str]) -> Iterator[str]:
    """Lines for the features of a field; their names become taken."""
    for name, rest in _features(one, report):
        if name not in names:
            names.add(name)
            yield f"  - {{name: {name}, {rest}}}"


def _features(one: ProposedField, report: FileReport) -> Iterator[tuple[str, str]]:
    name, base = one.name, field_text(one.name).replace(" ", "_")
    if one.column_range is not None:
        if one.type is FieldType.NUMBER:
            for column in one.columns[:_MOST_NUMBERS]:
                yield f"{column.lower()}_value", f"transform: value, of: {column.lower()}"
    elif one.type is FieldType.ID and not _is_unique(one, report):
        yield f"{base}_distinct_30d", f"entity: card, aggregate: distinct, of: {name}, window: 30d"
        yield f"{base}_is_new", f"entity: card, aggregate: is_new, of: {name}, window: 30d"
        yield (
            f"{base}_sum_7d",
            f"entity: card, aggregate: sum, of: amount, where: {{{name}: same}}, window: 7d",
        )
    elif one.type is FieldType.CATEGORY:
        yield f"{base}_code", f"transform: value, of: {name}"
        yield f"{base}_distinct_24h", f"entity: card, aggregate: distinct, of: {name}, window: 24h"
        yield f"{base}_is_new", f"entity: card, aggregate: is_new, of: {name}, window: 30d"
    elif one.type in (FieldType.NUMBER, FieldType.BOOLEAN):
        yield f"{base}_value", f"transform: value, of: {name}"


def _is_unique(one: ProposedField, report: FileReport) -> bool:
    """Whether it names a single payment rather than a thing that pays again."""
    profile = next(column for column in report.columns if column.name == one.columns[0])
    return profile.different >= _UNIQUE_SHARE * max(len(profile.values.drop_null()), 1)
