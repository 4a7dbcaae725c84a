"""Policies moved and entries put on lists, through Kafka."""

from fraud.decisions.document import parse_policy
from fraud.decisions.lists.entries import ListEntry
from fraud.decisions.lists.publishing import publish_entries
from fraud.decisions.log.publishing import PolicyProposal, approve, propose, set_alias
from fraud.settings import Settings
from tests.definitions import V1


def make_live(settings: Settings, text: str, alias: str = "live") -> str:
    """Propose a policy, approve it and move an alias to it; returns its version."""
    version = propose(settings, PolicyProposal(parse_policy(V1, text), "ann")).version
    approve(settings, version, "bob")
    set_alias(settings, alias, version, "bob")  # type: ignore[arg-type]
    return str(version)


def put_on_list(settings: Settings, list_name: str, *values: str, expires: int | None = None) -> int:
    """Put values on a list; returns the position of the topic after it."""
    entries = [ListEntry(list_name, value, "jane", 1, "seen", expires) for value in values]
    return publish_entries(settings, entries).position
