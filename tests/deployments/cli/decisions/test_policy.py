"""`fraud policy`, with a real broker and without one."""

import json
from pathlib import Path

import pytest

from fraud.decisions.log.reading import read_policies
from fraud.settings import Settings
from tests.deployments.conftest import FraudCommand

RULE = """\
rules:
  - name: fast
    when: card_count_10m > 5 AND amount < 2
    outcome: decline
    reason: many small payments
    owner: ann
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "policy.yaml")


def write(path: Path, name: str = "acme", rules: str = RULE) -> Path:
    path.write_text(f"version: 1\nname: {name}\n{rules}bands: {{on: probability, review: model}}\n")
    return path


def test_a_file_is_checked_without_kafka(fraud: FraudCommand, file: Path) -> None:
    done = fraud("policy", "check", str(file))
    assert done.code == 0
    assert "policy.yaml: acme, 1 rule, 0 lists, 1 segment, digest " in done.out


def test_each_mistake_has_its_line(fraud: FraudCommand, tmp_path: Path) -> None:
    broken = write(tmp_path / "p.yaml", rules=RULE.replace("amount", "amuont").replace("decline", "block"))
    refused = fraud("policy", "check", str(broken))
    assert refused.code == 2
    assert [line.split(": ")[-2] for line in refused.err.splitlines()]
    assert "p.yaml:6" in refused.err
    as_json = json.loads(fraud("policy", "check", str(broken), "--json").out)
    assert as_json["problems"]


def test_a_file_that_is_not_there_is_one_sentence(fraud: FraudCommand) -> None:
    refused = fraud("policy", "check", "nowhere.yaml")
    assert refused.code == 2
    assert "nowhere.yaml" in refused.err
    assert refused.err.count("\n") == 1


@pytest.mark.broker
def test_a_policy_is_proposed_approved_and_live(
    on_kafka: FraudCommand, file: Path, settings: Settings
) -> None:
    # given a proposal
    proposed = on_kafka("policy", "propose", str(file), "--as", "ann", "--note", "attack")
    own = on_kafka("policy", "approve", "1", "--as", "ann")
    too_early = on_kafka("policy", "live", "1", "--as", "ann")
    # when another person approves it
    approved = on_kafka("policy", "approve", "1", "--as", "bob")
    live = on_kafka("policy", "live", "1", "--as", "ann")
    # then it is live
    assert "1 person other than ann must approve it: fraud policy approve 1" in proposed.out
    assert (own.code, own.err.count("another must approve")) == (2, 1)
    assert (too_early.code, too_early.err.count("cannot be live")) == (2, 1)
    assert "it goes live with `fraud policy live 1`" in approved.out
    assert live.out == "version 1 is live\n"
    state = read_policies(settings)
    assert (state.live, state.audit[0].note) == (1, "attack")


@pytest.mark.broker
def test_what_is_shown_fits_80_columns(on_kafka: FraudCommand, file: Path, tmp_path: Path) -> None:
    # given two versions
    on_kafka("policy", "apply", "--file", str(file), "--author", "ann", "--approved-by", "bob")
    other = write(tmp_path / "other.yaml", rules=RULE.replace("5", "9"))
    on_kafka("policy", "propose", str(other), "--as", "a-person-with-a-long-name@example.com")
    # when
    shown = [on_kafka("policy", *words) for words in (["show"], ["show", "1"], ["log"], ["diff"])]
    # then
    assert all(len(line) <= 80 for done in shown for line in done.out.splitlines())
    state, version, log, diff = (done.out for done in shown)
    assert "live: version 1" in state
    assert "approved by bob" in version
    assert "fast" in version
    assert "moved live from the default policy to version 1" in " ".join(log.split())
    assert "-    when: card_count_10m > 5 AND amount < 2" in diff
    assert "+    when: card_count_10m > 9 AND amount < 2" in diff


@pytest.mark.broker
def test_machines_read_versions_and_events(on_kafka: FraudCommand, file: Path) -> None:
    on_kafka("policy", "apply", "--file", str(file), "--author", "ann", "--approved-by", "bob")
    (version,) = json.loads(on_kafka("policy", "show", "--json").out)
    assert (version["version"], version["aliases"], version["status"]) == (1, ["live"], "approved")
    assert version["rule_versions"] == {"fast": 1}
    kinds = [line["event"] for line in json.loads(on_kafka("policy", "log", "--json").out)]
    assert kinds == ["moved", "approved", "proposed"]
    assert on_kafka("policy", "show", "live", "--text").out == file.read_text()


@pytest.mark.broker
def test_a_policy_of_git_is_applied_once(on_kafka: FraudCommand, file: Path, settings: Settings) -> None:
    apply = ("policy", "apply", "--file", str(file), "--author", "ann", "--approved-by")
    refused = on_kafka(*apply, "ann")
    first, again = on_kafka(*apply, "bob"), on_kafka(*apply, "bob")
    assert (refused.code, refused.err.count("another must approve")) == (2, 1)
    assert first.out == "version 1 is live now\n"
    assert (again.code, again.out.count("nothing to do")) == (0, 1)
    assert read_policies(settings).position == 3


@pytest.mark.broker
def test_one_command_rolls_back(on_kafka: FraudCommand, file: Path, settings: Settings) -> None:
    on_kafka("policy", "apply", "--file", str(file), "--author", "ann", "--approved-by", "bob")
    assert on_kafka("policy", "rollback", "--as", "cid").out == "the default policy is live again\n"
    nothing = on_kafka("policy", "rollback", "--as", "cid")
    assert (nothing.code, nothing.err.count("nothing to roll back to")) == (2, 1)
    assert read_policies(settings).live is None


@pytest.mark.broker
def test_a_shadow_comes_and_goes(on_kafka: FraudCommand, file: Path) -> None:
    on_kafka("policy", "propose", str(file), "--as", "ann")
    assert on_kafka("policy", "shadow", "1", "--as", "ann").out == "version 1 is in shadow\n"
    assert on_kafka("policy", "shadow", "none", "--as", "ann").out == "no version is in shadow\n"
    assert on_kafka("policy", "reject", "1", "--as", "bob").out == "version 1 is rejected\n"
    assert on_kafka("policy", "shadow", "first").code == 2


@pytest.mark.parametrize("name", ["", " ann", "x" * 65, "a\nb"])
def test_a_name_must_be_one(fraud: FraudCommand, name: str) -> None:
    refused = fraud("policy", "approve", "1", "--as", name)
    assert refused.code == 2
    assert "is no name of a person; say who does it with --as NAME" in refused.err
