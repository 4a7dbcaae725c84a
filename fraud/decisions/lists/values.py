"""Which values a list may have: those of the field that a policy says it is of."""

from collections.abc import Iterable, Mapping

from fraud.decisions.document import default_policy, parse_policy
from fraud.decisions.log.state import PolicyState, PolicyVersion
from fraud.decisions.policy import PolicyList
from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import Field, FieldType
from fraud.errors import PolicyError
from fraud.money.currencies import is_currency

_OPEN = ("proposed", "approved")


def known_lists(definitions: Definitions, state: PolicyState) -> Mapping[str, PolicyList]:
    """The lists of the live policy, and of versions that can still become live; the live one's word counts.

    A version that does not fit these definitions is left out.
    """
    newest_first = [one for one in reversed(state.versions) if one.status in _OPEN]
    found = {one.name: one for one in default_policy(definitions).lists}
    for version in (*reversed(newest_first), *filter(None, [state.shadow_version, state.live_version])):
        found |= {one.name: one for one in _lists_of(definitions, version)}
    return found


def value_problem(field: Field, value: str) -> str:
    """What is wrong with a value of that field; empty if nothing is."""
    if value != value.strip() or not value.isprintable():
        return f"{value[:40]!r} has blanks around it or control characters"
    if field.type is FieldType.CURRENCY and not is_currency(value):
        return f"{value[:40]!r} is no currency such as EUR"
    if not field.min_length <= len(value) <= field.max_length:
        bounds = f"{max(field.min_length, 1)} to {field.max_length}"
        return f"{value[:40]!r} has {len(value)} characters, and {field.name} has {bounds}"
    return ""


def _lists_of(definitions: Definitions, version: PolicyVersion) -> Iterable[PolicyList]:
    try:
        return parse_policy(definitions, version.text).lists
    except PolicyError:
        return ()
