"""Policies parsed and checked for the page; a text is parsed once.

The parser and what it compiles take seconds to import, which the start of the dashboard does not wait for.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fraud.decisions.log.state import PolicyState
from fraud.decisions.policy import Policy
from fraud.definitions.definitions import Definitions
from fraud.errors import PolicyError
from serving.dashboard.decisions.descriptions import reasons_of

if TYPE_CHECKING:
    from fraud.decisions.checks.finding import PolicyFinding

_SOURCE = "policy"
_KEPT = 64


@dataclass(frozen=True)
class ParsedPolicy:
    """A text with its policy, None if it cannot be used, and what is wrong or remarkable."""

    text: str
    policy: Policy | None
    findings: tuple[dict[str, Any], ...]


class PolicyParser:
    """Parses policies under the definitions of this dashboard."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self.parse = lru_cache(_KEPT)(self._parse)

    def default(self) -> ParsedPolicy:
        """The policy in force while none was made live."""
        from fraud.decisions.document import default_policy

        return self.parse(default_policy(self._definitions).text)

    def live(self, state: PolicyState) -> ParsedPolicy:
        """The policy in force."""
        live = state.live_version
        return self.default() if live is None else self.parse(live.text)

    def reasons(self, state: PolicyState, version: str | None) -> dict[str, str]:
        """What analysts read of rules and lists of the version that decided, as far as it is known."""
        if version is None:
            return reasons_of(self.default().policy)
        known = version.isdecimal() and len(version) < 10 and 1 <= int(version) <= len(state.versions)
        return reasons_of(self.parse(state.version(int(version)).text).policy) if known else {}

    def _parse(self, text: str) -> ParsedPolicy:
        from fraud.decisions.checks.policy_check import check_policy
        from fraud.decisions.document import parse_policy

        try:
            policy = parse_policy(self._definitions, text, _SOURCE)
        except PolicyError as error:
            return ParsedPolicy(text, None, tuple(_mistake(line) for line in error.problems))
        findings = check_policy(policy, self._definitions)
        return ParsedPolicy(text, policy, tuple(_finding(text, one) for one in findings))


def _mistake(line: str) -> dict[str, Any]:
    """A line of a PolicyError: `policy:LINE: SENTENCE`."""
    found = re.match(rf"{_SOURCE}:(\d+): (.*)", line, re.DOTALL)
    if found is None:
        return {"line": None, "severity": "error", "text": line}
    return {"line": int(found[1]), "severity": "error", "text": found[2]}


def _finding(text: str, one: "PolicyFinding") -> dict[str, Any]:
    return {"line": _line_of(text, one.subject), "severity": one.level, "text": str(one)}


def _line_of(text: str, subject: str) -> int | None:
    """The line on which a rule, a list or a segment starts."""
    kind, _, name = subject.partition(" ")
    escaped = re.escape(name)
    pattern = rf"^[ \t]*({escaped})[ \t]*:" if kind == "list" else rf"\bname:[ \t]*['\"]?({escaped})\b"
    found = re.search(pattern, text, re.MULTILINE) if name else None
    return None if found is None else text.count("\n", 0, found.start(1)) + 1
