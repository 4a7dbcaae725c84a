"""Definitions and their changes as pages for a terminal."""

from collections.abc import Iterable
from math import isinf

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fraud.definitions.comparison import (
    MEANING,
    DefinitionsChange,
    ItemChange,
    describe_feature,
    describe_field,
    window_text,
)
from fraud.definitions.definitions import Definitions
from fraud.definitions.features import Feature
from fraud.features.cost import FeatureCost
from fraud.machine.terminal import shown

_STYLES = {"added": "green", "removed": "red", "changed": "yellow", "renamed": "cyan", "reworded": "dim"}


def definitions_page(found: Definitions, cost: FeatureCost | None) -> Group:
    """Fields, features and the cost."""
    parts: list[RenderableType] = [_fields(found), _features(found, cost)]
    if cost is not None:
        parts.append(Text(_cost(found, cost), style="dim"))
    return Group(*parts)


def _cost(found: Definitions, cost: FeatureCost) -> str:
    lines = [
        f"cost: {cost.us_per_event:.2f} µs a payment in the kernel, {cost.bytes_per_card:,.0f} bytes "
        "a card with 60 payments a month"
    ]
    if cost.profile_integers:
        bytes_of = ", ".join(f"{8 * count} a {field}" for field, count in cost.profile_integers.items())
        lines.append(
            f"profiles: {cost.profile_us_per_event:.2f} µs a payment for their features; bytes of figures in "
            f"each worker: {bytes_of}; made every {window_text(found.profile_every_ms)}"
        )
    lines.append(
        "(measured here with made-up payments; +bytes: what a card's state has more because of the "
        "feature alone)"
    )
    return "\n".join(lines)


def _fields(found: Definitions) -> Table:
    table = _table("Fields", ("field", "what it is", "text"))
    for one in found.fields:
        table.add_row(one.name, describe_field(one), Text(shown(one.text), "dim"))
    return table


def _features(found: Definitions, cost: FeatureCost | None) -> Table:
    columns = ["feature", "computed as", "unit", "values", "text", "hash"]
    table = _table("Features", [*columns, *(["+bytes"] if cost else [])])
    for one in found.features:
        text, digest = Text(shown(one.text), "dim"), Text(one.hash, "dim")
        extra = [_bytes(cost, one.name)] if cost else []
        table.add_row(one.name, describe_feature(one, found), one.unit, _bounds(one), text, digest, *extra)
    return table


def _bytes(cost: FeatureCost, name: str) -> str:
    return f"{cost.bytes_of[name]:.0f}" if name in cost.bytes_of else ""


def _bounds(one: Feature) -> str:
    low, high = one.kind.lowest, one.kind.highest
    if isinf(low):
        return "any"
    return f"{low:g} or more" if isinf(high) else f"{low:g} to {high:g}"


def change_page(old: Definitions, new: Definitions, change: DefinitionsChange) -> Group:
    """What differs, and what it means."""
    title = Text(f"{shown(old.source)} ({old.tag}) → {shown(new.source)} ({new.tag})", "bold")
    if change.is_empty:
        return Group(title, Text("nothing differs"))
    parts: list[RenderableType] = [title]
    if change.fields:
        parts.append(_changes("Fields", change.fields))
    if change.features:
        parts += [_changes("Features", change.features), _meanings(change)]
    if change.others:
        parts.append(Text(f"besides: {'; '.join(change.others)}"))
    consequences = Table(box=None, show_header=False, pad_edge=False)
    for name, sentence in (("models", change.models), ("state", change.state), ("lake", change.lake)):
        consequences.add_row(Text(name, "bold"), sentence)
    return Group(*parts, consequences)


def _changes(title: str, changes: Iterable[ItemChange]) -> Table:
    table = _table(title, ("name", "change", "details"))
    for one in changes:
        table.add_row(one.name, Text(one.change, _STYLES[one.change]), Text(shown(one.details)))
    return table


def _meanings(change: DefinitionsChange) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for kind in dict.fromkeys(one.change for one in change.features):
        table.add_row(Text(kind, _STYLES[kind]), MEANING[kind])
    return table


def _table(title: str, columns: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
