"""Merchants' daily profiles as one array, kept up to date from the compacted topic.

A thread reads the topic; the serving loop adds what was read between two micro-batches, so that a batch sees
one state of the table. Each prediction names the date of the profile that it was scored with.
"""

from collections.abc import Sequence
from itertools import repeat
from queue import SimpleQueue

import numpy as np
import numpy.typing as npt
from confluent_kafka import Message

from fraud.definitions.features import FEATURE_VERSION
from fraud.features.profiles import PROFILE_COLUMNS
from fraud.messages.decoding import MessageReader
from fraud.schema import MerchantProfile
from fraud.settings import Settings
from serving.pipeline.topic_follower import TopicFollower

_NO_PROFILE = 0
"""The table's first row: a merchant without a profile."""


class ProfileTable:
    """The newest profile of every merchant."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._values = np.full((1_024, len(PROFILE_COLUMNS)), np.nan)
        self._dates: list[str | None] = [None]

    def __len__(self) -> int:
        return len(self._rows)

    def upsert(self, profile: MerchantProfile) -> None:
        """Set a merchant's profile unless it is older than the present one or of another feature version."""
        if profile.feature_version != FEATURE_VERSION or len(profile.values) != len(PROFILE_COLUMNS):
            return
        row = self._rows.get(profile.merchant_id)
        if row is None:
            row = self._rows[profile.merchant_id] = self._add_row()
        elif profile.date < (self._dates[row] or ""):
            return
        self._values[row] = [np.nan if value is None else value for value in profile.values]
        self._dates[row] = profile.date

    def lookup(self, merchants: Sequence[str]) -> tuple[npt.NDArray[np.float64], list[str | None]]:
        """The merchants' profiles.

        Returns:
            The values, shape (n, len(PROFILE_COLUMNS)), NaN where there is no profile, and the n dates.
        """
        rows = [*map(self._rows.get, merchants, repeat(_NO_PROFILE))]
        return self._values[rows], [*map(self._dates.__getitem__, rows)]

    def _add_row(self) -> int:
        self._dates.append(None)
        row = len(self._dates) - 1
        if row == len(self._values):
            self._values = np.concatenate([self._values, np.full_like(self._values, np.nan)])
        return row


class ProfileReader:
    """Reads the topic from its start and then follows it."""

    def __init__(self, settings: Settings) -> None:
        self._pending: SimpleQueue[MerchantProfile] = SimpleQueue()
        self._reader = MessageReader(MerchantProfile)
        self.follower = TopicFollower(settings, settings.topics.profiles, self, thread="profiles")

    def apply_pending(self, table: ProfileTable) -> int:
        """Add what was read since the last call to the table; returns the number of profiles."""
        count = self._pending.qsize()
        for _ in range(count):
            table.upsert(self._pending.get_nowait())
        return count

    def restart(self, partitions: int) -> None:
        """As `MessageHandler`; profiles that are read again replace nothing newer."""

    def take(self, message: Message) -> None:
        """As `MessageHandler`."""
        if (profile := self._reader.read(message)) is not None:
            self._pending.put(profile)

    def reach_end(self) -> None:
        """As `MessageHandler`."""
