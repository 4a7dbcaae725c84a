"""Permissions that depend on the definitions; tests/security holds every identity to its own."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fraud.kafka.permissions import IDENTITIES, permissions_of
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


def test_the_page_has_a_row_for_each_identity() -> None:
    page = (Path(__file__).parents[3] / "docs" / "security.md").read_text(encoding="utf-8")
    table = page.partition("| identity | runs |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| ([a-z]+) \|", table, re.MULTILINE)) == IDENTITIES.keys()


def test_who_creates_topics_reads_and_writes_none(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(definitions=PROFILED_FILE)
    creators = {
        identity
        for identity in IDENTITIES
        if "create" in {permission.operation for permission in permissions_of(settings, identity)}
    }
    assert creators == {"topics"}
    operations = {permission.operation for permission in permissions_of(settings, "topics")}
    assert operations == {"create", "describe"}
