"""What a what-if compares with and asks: the live policy and the lists."""

from dataclasses import replace

from fraud.decisions.document import default_policy, parse_policy
from fraud.decisions.list_index import ListIndex
from fraud.decisions.lists.publishing import read_lists
from fraud.decisions.log.reading import read_policies
from fraud.decisions.policy import Policy
from fraud.settings import Settings


def live_policy(settings: Settings) -> Policy:
    """The policy that is live now, its version in its name; the default policy where none is.

    Raises:
        PolicyError: it does not fit the settings' definitions.
        DataError: the beginning of the topic of policies is gone.
        RefusedError: we may not read the topic.
        UnreachableError: Kafka is silent or refuses.
    """
    definitions, version = settings.loaded_definitions, read_policies(settings).live_version
    if version is None:
        return default_policy(definitions)
    policy = parse_policy(definitions, version.text, f"version {version.version}")
    return replace(policy, name=f"{policy.name}, version {version.version}")


def listed_entries(settings: Settings, position: int | None = None) -> ListIndex:
    """The entries of all lists before the offset `position`, a prediction's `lists_position`, or now.

    Raises:
        DataError: the topic ends before it.
        RefusedError: we may not read the topic.
        UnreachableError: Kafka is silent or refuses.
    """
    index = ListIndex()
    for entry in read_lists(settings, position):
        index.put(entry.list, entry.value, entry.expires)
    return index
