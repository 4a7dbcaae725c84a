"""Permissions that depend on the definitions; tests/security holds every identity to its own."""

from collections.abc import Callable

import pytest

from fraud.kafka.permissions import permissions_of
from fraud.settings import Settings
from tests.definitions import PROFILED_FILE


@pytest.mark.parametrize(
    ("identity", "operations"),
    [("serving", ["read", "describe_configs"]), ("preprocess", ["write"]), ("trainer", [])],
)
def test_profiles_of_fields_need_permissions_on_their_topics(
    make_settings: Callable[..., Settings], identity: str, operations: list[str]
) -> None:
    # given settings with the shipped definitions, and with some that have profiles
    plain, profiled = make_settings(), make_settings(definitions=PROFILED_FILE)
    # when
    added = [one for one in permissions_of(profiled, identity) if one not in permissions_of(plain, identity)]
    # then the topics of all definitions' profiles are covered
    prefix = f"{plain.topics.profiles}."
    assert [str(one) for one in added] == [f"{operation} topic {prefix}*" for operation in operations]
