"""Profiles as messages."""

import msgspec
import pytest

from fraud.profiles.messages import ProfileMarker, ProfileMessage, message_key


@pytest.mark.parametrize(
    "message",
    [
        ProfileMessage("device_id", -(2**63), 1_900_000, [0, -1, 2**63 - 1]),
        ProfileMessage("merchant_category", 65_535, 0, []),
        ProfileMarker(1_900_000),
    ],
)
def test_a_message_is_read_as_it_was_written(message: ProfileMessage | ProfileMarker) -> None:
    assert msgspec.json.decode(msgspec.json.encode(message), type=ProfileMessage | ProfileMarker) == message


def test_the_key_names_the_field_and_the_hash() -> None:
    assert message_key(ProfileMessage("device_id", -1, 5, [1])) == b"device_id:ffffffffffffffff"
    assert message_key(ProfileMessage("category", 26, 5, [1])) == b"category:000000000000001a"


def test_a_marker_has_the_same_key_in_every_run() -> None:
    assert message_key(ProfileMarker(1)) == message_key(ProfileMarker(2)) == b"moment"
