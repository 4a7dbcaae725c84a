"""What is wrong with a policy beyond its form: names, bounds, dates, lists of fields that do not exist."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from fraud.decisions.outcomes import OUTCOMES
from fraud.decisions.policy_file.parts import BandsPart, PolicyDocument
from fraud.definitions.checks.problems import Path, Problems, suggestion
from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import TEXT_TYPES
from fraud.schema import MAX_MILLIS

DEFAULT_SEGMENT = "default"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[-+][0-9]{2}:[0-9]{2})")


def check_content(definitions: Definitions, document: PolicyDocument, problems: Problems) -> None:
    """Note what does not fit together; predicates are checked elsewhere."""
    _check_lists(definitions, document, problems)
    _check_names(document, problems)
    for index, rule in enumerate(document.rules):
        if rule.expires is not None and expiry_of(rule.expires) is None:
            problems.add(("rules", index, "expires"), f"rule {rule.name}: {_bad_date(rule.expires)}")
    for path, prefix, bands in bands_of(document):
        for key, sentence in _bounds(bands):
            problems.add((*path, key), f"{prefix}{sentence}")


def bands_of(document: PolicyDocument) -> Iterator[tuple[Path, str, BandsPart]]:
    """All bands: where they are, `segment NAME: ` or nothing, and they."""
    for index, segment in enumerate(document.segments):
        yield ("segments", index, "bands"), f"segment {segment.name}: ", segment.bands
    yield ("bands",), "", document.bands


def expiry_of(text: str) -> int | None:
    """The moment (ms) from which on something with this expiry is off; None: no date since 1970.

    A day counts until its end (UTC).
    """
    try:
        if _DAY.fullmatch(text):
            end = datetime.combine(date.fromisoformat(text), time(), UTC) + timedelta(days=1)
        elif _MOMENT.fullmatch(text):
            end = datetime.fromisoformat(text)
        else:
            return None
    except (ValueError, OverflowError):
        return None
    found = round(end.timestamp() * 1_000)
    return found if 0 <= found <= MAX_MILLIS else None


def _bad_date(text: str) -> str:
    return f"expires {text[:40]} is no date; write a day, 2026-12-31, or a moment, 2026-12-31T18:00Z"


def _check_lists(definitions: Definitions, document: PolicyDocument, problems: Problems) -> None:
    texts = [one.name for one in definitions.fields if one.type in TEXT_TYPES]
    for name, one in document.lists.items():
        path = ("lists", name, "field")
        if one.field not in definitions.field_by_name:
            remedy = suggestion(one.field, texts)
            problems.add(path, f"list {name}: the field {one.field} does not exist{remedy}")
        elif one.field not in texts:
            kind = definitions.field_by_name[one.field].type.value
            remedy = "a list has the values of an id, a category or the currency"
            problems.add(path, f"list {name}: {one.field} is of type {kind}; {remedy}")


def _check_names(document: PolicyDocument, problems: Problems) -> None:
    for section, names in (
        ("rules", [one.name for one in document.rules]),
        ("segments", [one.name for one in document.segments]),
    ):
        first: dict[str, int] = {DEFAULT_SEGMENT: -1} if section == "segments" else {}
        for index, name in enumerate(names):
            path = (section, index, "name")
            known = first.setdefault(name, index)
            if known < 0:
                remedy = "that is what the bands at the top level are of; give it another name"
                problems.add(path, f"segment {name}: {remedy}")
            elif known != index:
                line = problems.line_of((section, known, "name"))
                word = section.removesuffix("s")
                problems.add(path, f"{word} {name} is here twice, first on line {line}; rename one")


def _bounds(bands: BandsPart) -> Iterator[tuple[str, str]]:
    """The key of a band with what is wrong with it."""
    first: dict[float | str, str] = {}
    for key in OUTCOMES[1:]:
        lower = getattr(bands, key)
        if lower is None:
            continue
        if bands.on == "expected_cost" and lower == "model":
            yield key, f"{key} model does not fit expected_cost; the model's threshold is a probability"
        elif bands.on == "probability" and lower != "model" and lower > 1:
            remedy = "write it as a share of 1, or use on: expected_cost"
            yield key, f"{key} {lower:g} is no probability; {remedy}"
        elif first.setdefault(lower, key) != key:
            yield key, f"{first[lower]} and {key} have the same bound, so one never counts; remove one"
