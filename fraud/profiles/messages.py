"""Profiles on their topic: a row for each key that changed, and a marker when all rows of a run are there.

Keys are hashed as in `Events.values`: what a device or an e-mail address is called never leaves the lake.
A compacted topic keeps the newest row of each key and the newest marker of each partition.
"""

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from fraud.settings import Settings

MARKER_KEY = b"moment"
Int64 = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


class ProfileMessage(msgspec.Struct, frozen=True, tag_field="kind", tag="profile"):
    """The profile of one key.

    Attributes:
        field: the name of the field.
        key: its value, as in `Events.values`.
        moment: what was paid and reported before it is counted; in periods since 1970.
        figures: in the order of `fraud.profiles.layout.profile_columns`.
    """

    field: str
    key: Int64
    moment: Int64
    figures: list[Int64]


class ProfileMarker(msgspec.Struct, frozen=True, tag_field="kind", tag="marker"):
    """Every partition has one when all rows of a run up to this moment are acknowledged.

    Attributes:
        moment: of the run, in periods since 1970. Keys without a row of it are as they were before.
    """

    moment: Int64


def profile_topic(settings: Settings) -> str:
    """The topic of the profiles that the definitions need; others have topics of their own."""
    return f"{profile_topic_prefix(settings)}{settings.loaded_definitions.profile_digest}"


def profile_topic_prefix(settings: Settings) -> str:
    """How the names of the topics of all definitions' profiles begin."""
    return f"{settings.topics.profiles}."


def message_key(message: ProfileMessage | ProfileMarker) -> bytes:
    """The key of a message, by which the topic is compacted: FIELD:KEYHEX, or `MARKER_KEY`."""
    if isinstance(message, ProfileMarker):
        return MARKER_KEY
    return f"{message.field}:{np.int64(message.key).view(np.uint64):016x}".encode()
