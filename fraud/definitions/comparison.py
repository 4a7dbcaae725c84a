"""What differs between two definitions, and what that means for models, state and lake."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeGuard

from fraud.definitions.checks.problems import listed
from fraud.definitions.definitions import Definitions
from fraud.definitions.features import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    REFUND_TESTS,
    Condition,
    Feature,
    Operation,
    Test,
)
from fraud.definitions.fields import Field, FieldType
from fraud.definitions.texts import number_text

Change = Literal["added", "removed", "changed", "renamed", "reworded"]

MEANING: dict[Change, str] = {
    "added": "no model wants it yet; a training run can use it once its days are computed",
    "removed": "models that want it are refused, and so is a roll-back to them; train one without it first",
    "changed": "it is another feature now, and models that want the old one are refused; better add the new "
    "one under a new name, and remove the old one when no model wants it",
    "renamed": "the same values under another name: models go on",
    "reworded": "another text for analysts; nothing else changes",
}
"""Of each change to a feature."""


@dataclass(frozen=True)
class ItemChange:
    """One field or feature that differs.

    Attributes:
        name: in the new definitions, or in the old ones if it is gone.
        change: what became of it.
        details: what differs, for people.
    """

    name: str
    change: Change
    details: str = ""


@dataclass(frozen=True)
class DefinitionsChange:
    """What differs between two definitions.

    Attributes:
        fields: that differ.
        features: that differ.
        others: what differs beside them, a sentence each.
        models: what it means for the models that there are, a sentence.
        state: for the cards' state of serving.
        lake: for the files of the lake.
    """

    fields: tuple[ItemChange, ...]
    features: tuple[ItemChange, ...]
    others: tuple[str, ...]
    models: str
    state: str
    lake: str

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not self.fields and not self.features and not self.others


def compare(old: Definitions, new: Definitions) -> DefinitionsChange:
    """What changes from `old` to `new`."""
    fields, features = tuple(_field_changes(old, new)), tuple(_feature_changes(old, new))
    return DefinitionsChange(
        fields,
        features,
        tuple(_other_changes(old, new)),
        _for_models(old, new, features),
        _for_state(old, new),
        _for_lake(old, new, fields),
    )


def _field_changes(old: Definitions, new: Definitions) -> list[ItemChange]:
    before, after = old.field_by_name, new.field_by_name
    found = [ItemChange(name, "added", describe_field(after[name])) for name in after if name not in before]
    found += [
        ItemChange(name, "removed", describe_field(before[name])) for name in before if name not in after
    ]
    for name in before.keys() & after.keys():
        one, other = before[name], after[name]
        if replace(one, text="") != replace(other, text=""):
            found.append(ItemChange(name, "changed", f"{describe_field(one)} → {describe_field(other)}"))
        elif one.text != other.text:
            found.append(ItemChange(name, "reworded", f"{one.text} → {other.text}"))
    return sorted(found, key=lambda one: one.name)


def _feature_changes(old: Definitions, new: Definitions) -> list[ItemChange]:
    before, after = old.feature_by_name, new.feature_by_name
    moved = {name: one for name, one in before.items() if name not in after or after[name].hash != one.hash}
    found = [change for one in new.features for change in _change_to(one, moved, old, new)]
    renamed = {one.name for one in found if one.change == "renamed"}
    gone = [one for one in old.features if one.name not in after]
    return found + [change for one in gone for change in _end_of(one, renamed, old, new)]


def _change_to(
    one: Feature, moved: dict[str, Feature], old: Definitions, new: Definitions
) -> list[ItemChange]:
    """What has led to a new feature; models know features by what they compute, not by name."""
    former = old.feature_by_name.get(one.name)
    if former is not None and former.hash == one.hash:
        is_same = former.text == one.text
        return [] if is_same else [ItemChange(one.name, "reworded", f"{former.text} → {one.text}")]
    if former is not None and not _is_computed(former, new):
        return [ItemChange(one.name, "changed", _differences(former, one, old, new))]
    names = [name for name, other in moved.items() if other.hash == one.hash]
    if names:
        return [ItemChange(one.name, "renamed", f"it was {listed(names)}")]
    return [ItemChange(one.name, "added", describe_feature(one, new))]


def _end_of(one: Feature, renamed: set[str], old: Definitions, new: Definitions) -> list[ItemChange]:
    """What has become of an old feature whose name is gone; nothing if it was said of its new name."""
    others = [other.name for other in new.features if other.hash == one.hash]
    if not others:
        return [ItemChange(one.name, "removed", describe_feature(one, old))]
    is_said = not renamed.isdisjoint(others)
    return [] if is_said else [ItemChange(one.name, "renamed", f"it is {listed(others)}")]


def _is_computed(one: Feature, definitions: Definitions) -> bool:
    return any(other.hash == one.hash for other in definitions.features)


def _other_changes(old: Definitions, new: Definitions) -> Iterator[str]:
    for what, before, after in (
        ("fields", list(old.field_by_name), list(new.field_by_name)),
        ("features", list(old.feature_names), list(new.feature_names)),
    ):
        if before != after and sorted(before) == sorted(after):
            yield f"the order of {what}"
    was, becomes = _money_words(old), _money_words(new)
    yield from (f"{name} {was[name]} → {becomes[name]}" for name in was if was[name] != becomes[name])


def _money_words(one: Definitions) -> dict[str, str]:
    if one.money is None:
        return {"base currency:": "none", "rates of": "nothing", "max_age": "none"}
    source = "the topic" if one.money.path is None else "a file"
    return {"base currency:": one.money.code, "rates of": source, "max_age": f"{one.money.max_age_days}d"}


def _differences(one: Feature, other: Feature, old: Definitions, new: Definitions) -> str:
    pairs = {
        "computed as": (one.operation.value, other.operation.value),
        "of": (listed(one.of) or "nothing", listed(other.of) or "nothing"),
        "window": (window_text(one.window_ms), window_text(other.window_ms)),
        "where": (where_text(one, old), where_text(other, new)),
        "made every": (window_text(one.every_ms), window_text(other.every_ms)),
        "zone": (one.zone or "UTC", other.zone or "UTC"),
        "last": (str(one.last), str(other.last)),
        "factor": (f"{one.factor:g}", f"{other.factor:g}"),
    }
    currencies = _currencies(one, old), _currencies(other, new)
    if all(currencies):
        pairs["amounts in"] = currencies
    found = [f"{name} {before} → {after}" for name, (before, after) in pairs.items() if before != after]
    return "; ".join(found) or "what it is computed of has changed"


def _is_money(field: Field | None) -> TypeGuard[Field]:
    return field is not None and field.type is FieldType.MONEY


def _currencies(one: Feature, definitions: Definitions) -> str:
    """In which currency the amounts are that a feature reads; empty if it reads none."""
    names = (*one.of, *(term.field for term in one.where), *(["amount"] if one.is_of_amounts else []))
    fields = (definitions.field_by_name.get(name) for name in names)
    bases = {field.base or "the currency of each payment" for field in fields if _is_money(field)}
    return listed(sorted(bases))


def _for_models(old: Definitions, new: Definitions, features: tuple[ItemChange, ...]) -> str:
    lost = [one.name for one in old.features if not _is_computed(one, new)]
    if not features:
        return "nothing changes"
    if lost:
        return f"models that want {listed(lost)} are refused, and the one that serves stays; train one first"
    return "all models of the old definitions can be served with the new ones"


def _for_state(old: Definitions, new: Definitions) -> str:
    if old.state_digest == new.state_digest:
        return "snapshots fit; nothing is rebuilt"
    days = -(-new.history_ms // DAY_MS)
    return f"snapshots of the old definitions do not fit: a worker replays the last {days} days of the log"


def _for_lake(old: Definitions, new: Definitions, fields: tuple[ItemChange, ...]) -> str:
    added = [one.name for one in fields if one.change == "added"]
    retyped = [
        one.name
        for one in fields
        if one.change == "changed"
        and _in_message(old.field_by_name[one.name]) != _in_message(new.field_by_name[one.name])
    ]
    parts = []
    if old.digest != new.digest:
        parts.append(
            f"training rows go to features/{new.tag}, and the next preprocessing computes their days"
        )
    if old.money and new.money and old.money.max_age_days != new.money.max_age_days:
        parts.append("all training rows and profiles are computed again")
    if new.profile_features and old.profile_digest != new.profile_digest:
        parts.append(
            f"profiles go to profiles/{new.profile_digest} and a topic of that name (`fraud topics create`), "
            "and the next run of the flow profiles makes them"
        )
    if added:
        parts.append(f"files from before have no {listed(added)}: there it is unknown")
    if retyped:
        parts.append(f"files from before have {listed(retyped)} as it was: check that its type still fits")
    return "; ".join(parts) or "nothing changes"


def _in_message(one: Field) -> Field:
    """What a message holds, whatever features make of it and admission accepts."""
    return replace(one, text="", base="", allows_refunds=False, refund_field="", refund_values=())


def describe_field(one: Field) -> str:
    """Type, place in the message and bounds of a field, in a few words."""
    words = [one.type.value, f"at {'.'.join(one.path)}"]
    if one.type in (FieldType.ID, FieldType.CATEGORY):
        words.append(f"{one.min_length} to {one.max_length} characters")
    if one.type is FieldType.FIXED:
        words.append(f"{one.scale} decimals")
    if one.highest < float("inf") or one.lowest > float("-inf"):
        words.append(f"{one.lowest:g} to {one.highest:g}")
    if one.base:
        words.append(f"in {one.base} for features")
    if one.allows_refunds:
        kinds = f" by {one.refund_field} {' or '.join(one.refund_values)}" if one.refund_field else ""
        words.append(f"with refunds{kinds}")
    return ", ".join([*words, "optional" if one.is_optional else "required"])


def describe_feature(one: Feature, definitions: Definitions) -> str:
    """How a feature is computed, as short as in the file."""
    operation, of = one.operation.value, ", ".join(one.of)
    if one.operation is Operation.SPEED:
        of = definitions.field_by_name[one.of[0]].place
    parts = [f"{operation}({of})" if of else operation]
    if one.where:
        parts.append(f"where {where_text(one, definitions)}")
    if one.window_ms:
        parts.append(f"in {window_text(one.window_ms)}")
    if one.operation is Operation.COUNT_ABOVE_MEAN:
        parts.append(f"of the last {one.last} above {one.factor:g} times the mean")
    return " ".join([*parts, *([f"in the time of {one.zone}"] if one.zone else [])])


def window_text(window_ms: int) -> str:
    """`30d`; hours up to two days, as people say 24 hours."""
    if not window_ms:
        return "none"
    for unit_ms, unit in ((DAY_MS, "d"), (HOUR_MS, "h")):
        if window_ms % unit_ms == 0 and (unit == "h" or window_ms > 2 * DAY_MS):
            return f"{window_ms // unit_ms}{unit}"
    return f"{window_ms // MINUTE_MS}m"


def where_text(one: Feature, definitions: Definitions) -> str:
    """The filter of a feature, `amount ≤ 2.00`."""
    terms = (_condition_text(term, definitions.field_by_name[term.field]) for term in one.where)
    return " and ".join(terms) or "no filter"


_SIGNS = {Test.AT_LEAST: "≥", Test.AT_MOST: "≤", Test.ONE_OF: "="}


def _condition_text(one: Condition, field: Field) -> str:
    if one.test in REFUND_TESTS:
        return "refunds alone" if one.test is Test.IS_REFUND else "no refund"
    if one.test is Test.SAME:
        return f"same {one.field}"
    if field.type is FieldType.BOOLEAN:
        values = [str(bool(value)).lower() for value in one.values]
    elif one.test is Test.ONE_OF:
        values = [str(value) for value in one.values]
    else:
        values = [number_text(float(value), field) for value in one.values]
    return f"{one.field} {_SIGNS[one.test]} {' or '.join(values)}"
