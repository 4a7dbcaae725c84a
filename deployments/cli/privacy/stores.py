"""Every store that may have a card, in the order in which it is removed from them."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from fraud.lake import Lake, open_lake
from fraud.privacy.cards import NamedCard
from fraud.privacy.forgotten import ForgottenCard, publish_forgotten
from fraud.privacy.home import forget_in_home
from fraud.privacy.lake import forget_in_lake
from fraud.privacy.results import StoreResult
from fraud.privacy.topics import (
    describe_audit,
    describe_topics,
    find_in_policies,
    forget_in_lists,
    forgotten_until,
    last_moments,
    require_permissions,
)
from fraud.settings import Settings
from serving.dashboard.database.urls import database_of
from serving.dashboard.feed.store import Store
from serving.dashboard.privacy.forgetting import find_in_history, forget_in_history


@dataclass(frozen=True)
class OpenStores:
    """The stores of an installation that are open, and the card.

    Attributes:
        settings: name the stores.
        card: its ids.
        now: the moment of the command, ms.
        lake: the lake.
        history: the dashboard's database.
    """

    settings: Settings
    card: NamedCard
    now: int
    lake: Lake
    history: Store

    @staticmethod
    @contextmanager
    def of(settings: Settings, card_id: str) -> "Iterator[OpenStores]":
        """Open them all, so that nothing is removed if one cannot be reached.

        Raises:
            UnreachableError: one does not answer.
        """
        card = NamedCard(frozenset({card_id, *settings.card_rule.lookups(card_id)}))
        lake = open_lake(settings)
        with closing(Store(database_of(settings), settings.topics.labels)) as history:
            yield OpenStores(settings, card, time.time_ns() // 1_000_000, lake, history)


def find_everywhere(stores: OpenStores) -> list[StoreResult]:
    """What `forget_everywhere` would remove.

    Raises:
        UnreachableError: a store does not answer.
    """
    settings, card, now = stores.settings, stores.card, stores.now
    moments = last_moments(settings, now)
    return [
        *forget_in_lake(stores.lake, card, is_dry_run=True),
        *find_in_history(stores.history, card),
        *forget_in_lists(settings, card, "", now, is_dry_run=True),
        *forget_in_home(settings.home, card, is_dry_run=True),
        *_rest(stores, moments),
    ]


def forget_everywhere(stores: OpenStores, by: str) -> list[StoreResult]:
    """Remove the card; repeated after a failure it goes on where it ended.

    First it is said to be forgotten: from then on no ingest and no dashboard stores it again.

    Raises:
        UnreachableError: a store does not answer.
    """
    settings, card, now = stores.settings, stores.card, stores.now
    moments = last_moments(settings, now)
    require_permissions(settings)
    forgotten = ForgottenCard(now, forgotten_until(moments.values()))
    publish_forgotten(settings, card.ids, forgotten)
    return [
        *forget_in_lake(stores.lake, card),
        *forget_in_history(stores.history, card, forgotten, by),
        *forget_in_lists(settings, card, by, now),
        *forget_in_home(settings.home, card),
        *_rest(stores, moments),
    ]


def _rest(stores: OpenStores, moments: dict[str, int | None]) -> list[StoreResult]:
    """What nobody can remove by card, and what goes by itself."""
    settings = stores.settings
    state = stores.now + settings.loaded_definitions.history_ms
    day = datetime.fromtimestamp(state / 1_000, UTC).strftime("%Y-%m-%d")
    minutes = settings.gateway.remember.total_seconds() / 60
    return [
        *describe_topics(moments),
        *describe_audit(settings, stores.now),
        *find_in_policies(settings, stores.card),
        StoreResult("serving: state", 0, f"a hash of the id and its last payments, until {day}"),
        StoreResult("gateway: memory", 0, f"decisions of the last {minutes:.0f} minutes"),
    ]
