"""Policies and lists as pages for a terminal."""

from collections.abc import Iterable, Sequence
from difflib import unified_diff
from typing import Any

import msgspec
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fraud.decisions.checks.finding import PolicyFinding
from fraud.decisions.lists.entries import ListEntry
from fraud.decisions.log.state import AuditLine, PolicyState, PolicyVersion
from fraud.decisions.policy import Policy, PolicyList, Rule
from fraud.machine.moments import minute_text
from fraud.machine.printing import NameCell
from fraud.machine.terminal import shown

_STYLES = {"approved": "green", "proposed": "yellow", "rejected": "red", "superseded": "dim"}
_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def state_page(state: PolicyState) -> Group:
    """What is live, and all versions, newest first."""
    live = "the default policy" if state.live is None else f"version {state.live}"
    shadow = "" if state.shadow is None else f"; in shadow: version {state.shadow}"
    table = _table("version", "status", "alias", "by", "proposed", "approvals", "why")
    for one in reversed(state.versions):
        alias = " ".join(_aliases(state, one.version))
        table.add_row(
            str(one.version),
            Text(one.status, _STYLES[one.status]),
            Text(alias, "bold green"),
            NameCell(one.author),
            minute_text(one.proposed_at),
            f"{len(one.approvals)} of {one.approvals_needed}",
            NameCell(one.note),
        )
    parts: list[RenderableType] = [Text(f"live: {live}{shadow}")]
    if state.versions:
        parts.append(table)
    if state.refused:
        count = len(state.refused)
        parts.append(
            Text(f"{count:,} messages of the log do not count; see `fraud policy log --refused`", "yellow")
        )
    return Group(*parts)


def version_page(version: PolicyVersion, policy: Policy | None) -> Group:
    """One version: who, whether, and what it says."""
    lines = [
        f"version {version.version}, {version.status}, digest {version.digest}",
        f"proposed by {version.author} on {minute_text(version.proposed_at)}{_because(version.note)}",
        *(f"approved by {one.by} on {minute_text(one.at)}{_because(one.note)}" for one in version.approvals),
    ]
    if version.override_declines:
        lines.append(f"it may decline more than it allows: {version.override_declines}")
    if version.rejection is not None:
        one = version.rejection
        lines.append(f"rejected by {one.by} on {minute_text(one.at)}{_because(one.note)}")
    texts = [Text(shown(line)) for line in lines]
    if policy is None:
        return Group(*texts, Text("its text does not fit the definitions that are in use here", "red"))
    return Group(*texts, *policy_parts(policy))


def policy_parts(policy: Policy) -> Iterable[RenderableType]:
    """The policy in the order in which it decides: lists, rules, bands."""
    if policy.lists:
        table = _table("list", "of", "outcome", "reason")
        for one in policy.lists:
            table.add_row(one.name, one.field, one.outcome or "for rules", NameCell(one.reason))
        yield table
    if policy.rules:
        table = _table("rule", "outcome", "mode", "when", ratios=(3, 2, 2, 8))
        for rule in policy.rules:
            table.add_row(Text(shown(rule.name)), rule.outcome, _mode(rule), Text(shown(rule.when)))
        yield table
    table = _table("segment", "of", "bands", "when")
    for segment in policy.segments:
        bands = ", ".join(f"{band.outcome} from {band.lower}" for band in segment.bands)
        table.add_row(Text(shown(segment.name)), segment.value, bands, Text(shown(segment.when or "")))
    yield table


def findings_page(findings: Sequence[PolicyFinding]) -> Group:
    """What is remarkable, the worst first."""
    styles = {"override": "red", "warning": "yellow"}
    return Group(*(Text(f"{one.level}: {shown(str(one))}", styles[one.level]) for one in findings))


def log_page(lines: Sequence[AuditLine]) -> Table:
    """Events, newest first."""
    table = _table("when", "who", "what", "why")
    for one in lines:
        table.add_row(minute_text(one.at), NameCell(one.by), Text(shown(one.text)), NameCell(one.note))
    return table


def diff_page(names: tuple[str, str], texts: tuple[str, str]) -> Group:
    """How two texts differ."""
    lines = unified_diff(texts[0].splitlines(), texts[1].splitlines(), *names, lineterm="", n=2)
    return Group(*(Text(shown(line), _DIFF_STYLES.get(line[:1], "")) for line in lines))


def lists_page(rows: Iterable[tuple[str, PolicyList | None, int]]) -> Table:
    """The lists in brief: name, what the policy says of it, how many entries."""
    table = _table("list", "of", "outcome", "entries")
    for name, one, count in rows:
        of, outcome = (one.field, one.outcome or "for rules") if one else ("", "no policy uses it")
        table.add_row(Text(shown(name)), of, outcome, f"{count:,}")
    return table


def entries_page(name: str, entries: Sequence[ListEntry], count: int, now: int) -> Group:
    """Entries of a list, newest first."""
    table = _table("value", "by", "since", "until", "why")
    for one in entries:
        until = "" if one.expires is None else minute_text(one.expires)
        is_over = not one.holds_at(now)
        table.add_row(
            NameCell(one.value), NameCell(one.by), minute_text(one.at),
            Text(until, "dim strike" if is_over else ""), NameCell(one.reason),
        )  # fmt: skip
    more = f", the newest {len(entries):,} of them below" if len(entries) < count else ""
    return Group(Text(f"{shown(name)}: {count:,} entries{more}"), *([table] if entries else []))


def version_document(version: PolicyVersion, state: PolicyState) -> dict[str, Any]:
    """A version for machines."""
    found: dict[str, Any] = msgspec.to_builtins(version)
    return found | {"aliases": _aliases(state, version.version)}


def _aliases(state: PolicyState, version: int) -> list[str]:
    named = {"live": state.live, "shadow": state.shadow}
    return [alias for alias, number in named.items() if number == version]


def _mode(rule: Rule) -> str:
    return f"{rule.mode} {100 * rule.share:g} %" if rule.mode == "live" and rule.share < 1 else rule.mode


def _because(note: str) -> str:
    return f": {note}" if note else ""


def _table(*columns: str, ratios: Sequence[int] = ()) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, name in enumerate(columns):
        table.add_column(name, overflow="fold", ratio=ratios[index] if ratios else None)
    return table
