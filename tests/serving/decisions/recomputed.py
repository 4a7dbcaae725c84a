"""Decisions recomputed from the log: by the recorded policy, and the lists at the recorded position."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from fraud.decisions.decided import Decided
from fraud.decisions.deciding import PolicyDecider
from fraud.decisions.document import default_policy, parse_policy
from fraud.decisions.inputs import DecisionInputs
from fraud.decisions.list_index import ListIndex
from fraud.decisions.lists.entries import ListEntries
from fraud.decisions.log.reading import read_policies
from fraud.decisions.log.state import PolicyState
from fraud.decisions.outcomes import OUTCOMES
from fraud.decisions.policy import Policy
from fraud.features.events import encode_transactions
from fraud.messages.admission import Admitted
from fraud.schema import FieldValue, Prediction
from fraud.settings import Settings
from tests.definitions import V1
from tests.serving.offline import Payment, admitted_payments, payment_of
from tests.serving.world import read_all

DecidedFields = tuple[str, str | None, list[str] | None, list[str] | None, str | None, bool]


def wrong_decisions(settings: Settings, served: Sequence[Prediction]) -> list[str]:
    """Predictions with features whose decision is not the one that the log gives."""
    state, payments = read_policies(settings), admitted_payments(settings)
    groups: dict[tuple[str | None, int], list[Prediction]] = defaultdict(list)
    for one in served:
        groups[one.policy, one.lists_position or 0].append(one)
    wrong = []
    for (version, position), made in groups.items():
        if version is not None and int(version) not in {move.version for move in state.moves}:
            wrong.append(f"version {version} was never live")
        policy = _policy(state, version)
        decider = PolicyDecider(V1, policy, _index(settings, position))
        decided = decider.decide(_inputs(made, payments))
        wrong += [
            f"{one.transaction_id}: served {_served(one)}, recomputed {expected}"
            for one, expected in zip(made, _expected(policy, decided), strict=True)
            if _served(one) != expected
        ]
    return wrong


def _policy(state: PolicyState, version: str | None) -> Policy:
    return default_policy(V1) if version is None else parse_policy(V1, state.version(int(version)).text)


def _index(settings: Settings, position: int) -> ListIndex:
    """The lists as of all messages before a position."""
    entries, index = ListEntries(), ListIndex()
    for message in read_all(settings, settings.topics.lists):
        if message.offset() < position:
            entries.take(message)
    for entry in entries:
        index.put(entry.list, entry.value, entry.expires)
    return index


def _inputs(served: Sequence[Prediction], payments: Mapping[Payment, Admitted]) -> DecisionInputs:
    admitted = [payments[payment_of(one)] for one in served]
    rows = [[np.nan if value is None else value for value in one.features or ()] for one in served]
    names = [field.name for field in V1.fields]

    def texts_of(number: int) -> Mapping[str, FieldValue]:
        values = zip(names, admitted[number].values, strict=True)
        return {name: value for name, value in values if value is not None}

    return DecisionInputs(
        encode_transactions(V1, admitted),
        np.array(rows, dtype=np.float32),
        np.array([one.score for one in served]),
        np.array([one.threshold for one in served]),
        texts_of,
    )


def _served(one: Prediction) -> DecidedFields:
    rules = one.rules and [rule.partition("@")[0] for rule in one.rules]
    return one.decision, one.decided_by, rules, one.lists, one.would_be, one.is_sample


def _expected(policy: Policy, decided: Decided) -> list[DecidedFields]:
    rules, lists = [one.name for one in policy.rules], [one.name for one in policy.lists]
    deciders = [f"list {name}" for name in lists] + [f"rule {name}" for name in rules]
    return [
        (
            OUTCOMES[outcome],
            None if decided.decided_by[row] < 0 else deciders[decided.decided_by[row]],
            [name for name, is_set in zip(rules, decided.fired[row], strict=True) if is_set] or None,
            [name for name, is_set in zip(lists, decided.list_hits[row], strict=True) if is_set] or None,
            OUTCOMES[decided.would_be[row]] if decided.control[row] else None,
            bool(decided.sampled[row]),
        )
        for row, outcome in enumerate(decided.outcomes.tolist())
    ]
