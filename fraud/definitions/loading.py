"""From the file to `Definitions`: read, checked, expanded and hashed."""

from dataclasses import replace
from functools import cache
from graphlib import TopologicalSorter
from importlib.resources import files
from pathlib import Path

from fraud.definitions.checks.document_check import check_document
from fraud.definitions.checks.feature_check import check_entities, check_features
from fraud.definitions.checks.field_check import check_fields
from fraud.definitions.checks.money_check import check_money, check_rates
from fraud.definitions.checks.problems import Problems
from fraud.definitions.checks.refund_check import check_refunds
from fraud.definitions.checks.yaml_source import YamlSource, parse_yaml, read_yaml
from fraud.definitions.definitions import Definitions
from fraud.definitions.document import DefinitionsDocument
from fraud.definitions.expansion import (
    expand_feature,
    expand_field,
    expand_money,
    window_ms,
    with_inputs,
)
from fraud.definitions.features import Feature, feature_hash
from fraud.definitions.fields import Field

SHIPPED = files("fraud.definitions") / "v1.yaml"
DEFAULT_FILE = Path(__file__).with_name("default.yaml")
"""What `fraud definitions init` writes."""

_SHIPPED_NAME = "v1.yaml"


@cache
def load_definitions(path: Path | None = None) -> Definitions:
    """The definitions in a file, or the ones that are shipped.

    Raises:
        DefinitionsError: the file cannot be used; has a line for each mistake, with what to do.
    """
    source = str(path or _SHIPPED_NAME)
    return _definitions(read_yaml(path or SHIPPED, source), source)


def parse_definitions(text: str, source: str = "definitions.yaml") -> Definitions:
    """The definitions of a text.

    Raises:
        DefinitionsError: it cannot be used.
    """
    return _definitions(parse_yaml(text, source), source)


def _definitions(found: YamlSource, source: str) -> Definitions:
    problems = Problems(source, found.lines)
    checked = check_document(found.value, problems)
    if checked is not None:
        document = checked.document
        check_money(document, problems)
        known = check_fields(document, checked.field_names, problems)
        check_entities(document.entities, problems)
        check_refunds(document, checked.feature_paths, known, problems)
        check_features(document, checked.feature_paths, known, checked.feature_names, problems)
    problems.raise_if_any()
    assert checked is not None
    return check_rates(_expanded(checked.document, source), problems)


def _expanded(document: DefinitionsDocument, source: str) -> Definitions:
    base = document.money.base if document.money else ""
    fields = tuple(
        field for name, part in document.fields.items() for field in expand_field(name, part, base)
    )
    by_name = {field.name: field for field in fields}
    places = {
        name: tuple(field.name for field in fields if field.place == name)
        for name, part in document.fields.items()
        if part.type == "place"
    }
    features = [
        expand_feature(part, by_name, places, window_ms(document.profiles.every))
        for part in document.features
    ]
    features.sort(key=lambda one: (one.is_profile, one.is_daily_profile))
    money = expand_money(document.money, Path(source).parent) if document.money else None
    return Definitions(source, fields, _completed(features, by_name), money)


def _completed(features: list[Feature], fields: dict[str, Field]) -> tuple[Feature, ...]:
    """The features with their hashes; what a derived one is derived of comes first."""
    by_name = {one.name: one for one in features}
    inputs = {one.name: one.of if one.is_derived else () for one in features}
    for name in TopologicalSorter(inputs).static_order():
        one = by_name[name]
        if one.is_derived:
            one = with_inputs(one, [by_name[other] for other in one.of])
        by_name[name] = replace(one, hash=feature_hash(one, fields, by_name))
    return tuple(by_name[one.name] for one in features)
