"""Compiles the hot path once, before several test processes would each compile it at the same time."""

from fraud.decisions.loading import load_decisions
from fraud.features.events import Events
from fraud.features.hot_path import load_hot_path
from fraud.native.id_index import IdIndex
from tests.definitions import V1


def compile_hot_path() -> None:
    """Fill numba's cache: a test process then loads what would take it a minute to compile."""
    load_hot_path(V1)
    load_decisions(V1)
    IdIndex().process(Events.empty(1, V1).heads)
