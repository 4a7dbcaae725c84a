"""Loads the compiled code that decides, so that no payment waits for it after a policy is moved."""

import numpy as np

from fraud.decisions.deciding import PolicyDecider
from fraud.decisions.document import parse_policy
from fraud.decisions.inputs import DecisionInputs
from fraud.decisions.list_index import ListIndex
from fraud.definitions.definitions import Definitions
from fraud.features.events import Events

_POLICY = """
version: 1
name: loading
lists: {one: {field: card_id, outcome: decline}}
rules: [{name: one, when: amount > 0, outcome: review}]
bands: {on: probability, review: model}
"""
_MORE_THAN_FIT = 1_000
"""Entries: the first table grows by them."""


def load_decisions(definitions: Definitions) -> None:
    """Decide a payment by a rule and a list; half a minute where numba's cache is empty."""
    index = ListIndex()
    index.put("one", "c")
    index.remove("one", "c")
    index.put("one", "d")
    index.put_all("one", [(str(number), None) for number in range(_MORE_THAN_FIT)])
    index.holds("one", "d", 0)
    decider = PolicyDecider(definitions, parse_policy(definitions, _POLICY), index)
    inputs = DecisionInputs(
        Events.empty(1, definitions),
        np.zeros((1, len(definitions.features)), dtype=np.float32),
        np.zeros(1),
        np.ones(1),
        lambda _: {},
    )
    _ = decider.decide(inputs).tally
