"""A policy file is read, and each mistake in it is reported with its line in a sentence that helps."""

import json
from contextlib import suppress
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.decisions.document import DEFAULT_FILE, default_policy, parse_policy, policy_digest, read_policy
from fraud.decisions.policy import Band, Policy, PolicyList, Rule, Segment
from fraud.decisions.policy_file.schema import SCHEMA_FILE, schema_text
from fraud.definitions.checks.yaml_source import parse_yaml
from fraud.definitions.loading import load_definitions
from fraud.errors import PolicyError
from tests.fraud.decisions.policies import policy_texts

DEFINITIONS = load_definitions()
ROOT = Path(__file__).parents[3]
FILES = [DEFAULT_FILE, *sorted((ROOT / "examples/policies").glob("*.yaml"))]
HEAD = "version: 1\nname: test\n"
RULE = "rules:\n  - {name: a, when: amount > 5, outcome: decline"
DECEMBER_31 = 1_798_675_200_000


def problems_of(text: str) -> list[str]:
    with pytest.raises(PolicyError) as error:
        parse_policy(DEFINITIONS, text)
    return error.value.problems


FULL = """\
version: 1
name: acme
lists:
  watched: {field: country}
  blocked_cards: {field: card_id, outcome: decline, reason: card is blocked}
  trusted: {field: merchant_id, outcome: approve}
rules:
  - {name: late, when: amount > 5, outcome: review}
  - name: early
    when: |
      card_count_10m > 5
      AND amount < 2
    outcome: decline
    priority: 10
    mode: live
    share: 0.1
    reason: many small payments
    owner: jane@example.com
    expires: 2026-12-30
segments:
  - {name: large, when: amount > 500, bands: {on: expected_cost, review: 20, decline: 500}}
bands: {on: probability, challenge: 0.3, review: model, decline: 0.95}
review: {capacity: 200, sample: 0.001}
control_group: 0.01
most_declined: 0.1
"""


def test_a_policy_is_what_its_file_says() -> None:
    policy = parse_policy(DEFINITIONS, FULL)
    assert [one.name for one in policy.lists] == ["trusted", "blocked_cards", "watched"]
    assert policy.lists[1] == PolicyList("blocked_cards", "card_id", "decline", "card is blocked")
    assert policy.rules[0] == Rule(
        "early", "card_count_10m > 5\nAND amount < 2\n", "decline", "live", 0.1, 10,
        "many small payments", "jane@example.com", DECEMBER_31,
    )  # fmt: skip
    assert policy.segments[0] == Segment(
        "large", "amount > 500", "expected_cost", (Band("review", 20.0), Band("decline", 500.0))
    )
    assert policy.segments[1].name == "default"
    assert policy.segments[1].bands == (
        Band("challenge", 0.3),
        Band("review", "model"),
        Band("decline", 0.95),
    )
    assert (policy.review_capacity, policy.sample_share) == (200, 0.001)
    assert (policy.control_share, policy.most_declined) == (0.01, 0.1)
    assert policy.text == FULL


def test_without_bands_the_model_decides() -> None:
    policy = parse_policy(DEFINITIONS, HEAD)
    assert policy.segments == default_policy(DEFINITIONS).segments


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_files_that_are_shipped_are_read(path: Path) -> None:
    policy = read_policy(DEFINITIONS, path)
    jsonschema.validate(parse_yaml(path.read_text(), path.name).value, json.loads(schema_text()))
    assert policy.digest == policy_digest(policy)


def test_the_published_schema_is_current() -> None:
    assert SCHEMA_FILE.read_text() == schema_text()


# --------------------------------------------------------------------------- the digest


def test_comments_and_the_order_of_keys_do_not_count() -> None:
    one = parse_policy(DEFINITIONS, f"{HEAD}control_group: 0.01\nmost_declined: 0.1")
    other = parse_policy(DEFINITIONS, f"# A comment.\n{HEAD}most_declined: 0.1\n\ncontrol_group: 0.01 # here")
    assert one.digest == other.digest


@pytest.mark.parametrize(
    "changed",
    [
        FULL.replace("amount > 5,", "amount > 6,"),
        FULL.replace("share: 0.1", "share: 0.2"),
        FULL.replace("expires: 2026-12-30", "expires: 2026-12-31"),
        FULL.replace("review: 20", "review: 21"),
        FULL.replace("field: country", "field: channel"),
        FULL.replace("capacity: 200", "capacity: 201"),
    ],
)
def test_whatever_is_changed_changes_the_digest(changed: str) -> None:
    assert parse_policy(DEFINITIONS, changed).digest != parse_policy(DEFINITIONS, FULL).digest


def test_the_digest_of_the_default_policy_is_recorded() -> None:
    # Predictions of former releases name it.
    assert default_policy(DEFINITIONS).digest == "18daca0937ce9097"


# --------------------------------------------------------------------------- mistakes

MISTAKES = {
    # the file
    "": "1: the file is empty",
    "[1]": "1: the file must be a mapping, {key: value} with version",
    "name: test": "1: version is missing; add `version: 1` as first line",
    "version: 2\nname: test": "1: version 2 is unknown; this release reads version 1",
    "version: '1'\nname: test": "1: version must be a number; write it without quotes",
    "version: 1": "1: name is missing",
    "version: 1\nname: Acme Ltd": "2: the name Acme Ltd is not allowed",
    f"{HEAD}rule: []": "3: the key rule does not exist; did you mean rules?",
    f"{HEAD}name: other": "3: the key name is here twice, first on line 2",
    f"{HEAD}rules: &a []": "3: anchors (&a) are not supported",
    f"{HEAD}rules:": "3: rules has no value; give a list, [a, b], or remove the key",
    f"{HEAD}---\n": "3: a second document starts here",
    f"{HEAD}\t": "a tab cannot indent a line",
    f"{HEAD}control_group: 2": "control_group 2 is not allowed; it must be less than or equal to 1",
    f"{HEAD}control_group: 1%": "control_group must be a finite number, and is the text '1%'",
    f"{HEAD}most_declined: .inf": "most_declined must be a finite number",
    f"{HEAD}review: {{capacity: 1e3}}": "capacity must be a whole number",
    f"{HEAD}review: {{capacity: 0}}": "capacity 0 is not allowed",
    f"{HEAD}review: {{capacity: 0200}}": "capacity must be a whole number, and is the text '0200'",
    # rules
    f"{HEAD}{RULE}, mood: live}}": "4: rule a: the key mood does not exist; did you mean mode?",
    f"{HEAD}{RULE}, mode: on}}": "rule a: mode on does not exist; did you mean live?",
    f"{HEAD}{RULE}, share: 0}}": "rule a: share 0 is not allowed; it must be greater than 0",
    f"{HEAD}{RULE}, share: 10%}}": "rule a: share must be a finite number, and is the text '10%'",
    f"{HEAD}{RULE}, priority: -1}}": "rule a: priority -1 is not allowed",
    f"{HEAD}{RULE}, priority: 1.5}}": "rule a: priority must be a whole number, and is 1.5",
    f"{HEAD}{RULE}, reason: 5}}": "rule a: reason must be a text, and is 5; write it in quotes, '5'",
    f"{HEAD}{RULE}, owner: yes}}": None,
    f"{HEAD}{RULE}, expires: tomorrow}}": "rule a: expires tomorrow is no date; write a day",
    f"{HEAD}{RULE}, expires: 2026-02-30}}": "rule a: expires 2026-02-30 is no date",
    f"{HEAD}{RULE}, expires: 2026-12-31 10:00}}": "rule a: expires 2026-12-31 10:00 is no date",
    f"{HEAD}{RULE}, expires: 0001-01-01T00:00+14:00}}": "rule a: expires 0001-01-01T00:00+14:00 is no date",
    f"{HEAD}{RULE}, expires: 1969-12-30}}": "rule a: expires 1969-12-30 is no date",
    f"{HEAD}{RULE}, expires: 20261231}}": "rule a: expires must be a text",
    f"{HEAD}{RULE.replace('decline', 'block')}}}": "outcome block does not exist; did you mean decline?",
    f"{HEAD}{RULE.replace(', outcome: decline', '')}}}": "rule a: outcome is missing; add approve, challenge",
    f"{HEAD}{RULE.replace('name: a, ', '')}}}": "rule 1: name is missing",
    f"{HEAD}{RULE.replace('name: a', 'name: NO')}}}": "rule NO: the name NO is not allowed",
    f"{HEAD}{RULE}}}\n  - {{name: a, when: amount > 6, outcome: review}}": (
        "5: rule a is here twice, first on line 4; rename one"
    ),
    f"{HEAD}rules: [5]": "rule 1: an item must be a mapping",
    # predicates
    f"{HEAD}{RULE.replace('amount > 5', 'amuont > 5')}}}": "4: rule a: when, column 1: ",
    f"{HEAD}{RULE.replace('amount > 5', 'amount > ')}}}": "4: rule a: when, column ",
    f"{HEAD}{RULE.replace('amount > 5', 'true')}}}": "rule a: when must be a text, and is true",
    f"{HEAD}rules:\n  - name: a\n    when: |\n      amount > 5\n      AND amuont < 3\n    outcome: decline": (
        "7: rule a: when, column 5: "
    ),
    f"{HEAD}{RULE.replace('amount > 5', '''in_list('other')''')}}}": "4: rule a: when, column ",
    f"{HEAD}segments: [{{name: a, when: amount, bands: {{}}}}]": "3: segment a: when, column 1: ",
    # lists
    f"{HEAD}lists: {{a: {{field: card}}}}": "3: list a: the field card does not exist; did you mean card_id?",
    f"{HEAD}lists: {{a: {{field: amount}}}}": "list a: amount is of type money; a list has the values of",
    f"{HEAD}lists: {{a: {{}}}}": "list a: field is missing; add the field whose values are on the list",
    f"{HEAD}lists: {{A-b: {{field: card_id}}}}": "the name A-b is not allowed",
    # segments and bands
    f"{HEAD}segments: [{{name: default, when: amount > 5, bands: {{}}}}]": "segment default: that is what",
    f"{HEAD}segments: [{{name: a, when: amount > 5}}]": "segment a: bands is missing; add bounds",
    f"{HEAD}bands: {{on: score}}": "on score does not exist; did you mean probability?",
    f"{HEAD}bands: {{approve: 0.5}}": "the key approve does not exist",
    f"{HEAD}bands: {{review: high}}": "review high is no bound; write a number, at least 0, or model",
    f"{HEAD}bands: {{review: -1}}": "review -1 is no bound",
    f"{HEAD}bands: {{review: 95}}": "review 95 is no probability; write it as a share of 1, or use",
    f"{HEAD}bands: {{review: 0.5, decline: 0.5}}": "review and decline have the same bound",
    f"{HEAD}bands: {{on: expected_cost, review: model}}": "review model does not fit expected_cost",
}


@pytest.mark.parametrize(("text", "sentence"), [*MISTAKES.items()], ids=lambda value: str(value)[-60:])
def test_a_mistake_is_reported_with_its_line(text: str, sentence: str | None) -> None:
    if sentence is None:
        assert parse_policy(DEFINITIONS, text)
        return
    found = problems_of(text)
    assert len(found) == 1, found
    assert found[0].startswith("policy.yaml:")
    assert sentence in found[0]


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file() -> None:
    text = FULL.replace("field: country", "field: land").replace("amount > 5", "amuont > 5")
    text = text.replace("expires: 2026-12-30", "expires: soon").replace("decline: 0.95", "decline: 95")
    assert [int(one.split(":")[1]) for one in problems_of(text)] == [4, 8, 19, 21, 22]


def test_mistakes_of_form_do_not_hide_others() -> None:
    # given parts that cannot be read, beside predicates, names, dates and bounds that are wrong
    text = """\
version: 2
nmae: test
lists:
  a: {feild: card_id}
  b: {field: amount}
rules:
  - {name: one, when: amuont > 5, outcome: block}
  - {name: two, when: in_list('a'), outcome: review, expires: soon}
  - 5
  - {name: two, when: amount >, outcome: review, share: 0}
segments:
  - {name: large, when: amount >, bands: {review: high}}
bands: {review: 95}
control_group: 2
"""
    # when it is read, then each mistake is reported on its line, and nothing that only follows from one
    lines = [int(one.split(":")[1]) for one in problems_of(text)]
    assert sorted(set(lines)) == [1, 2, 4, 5, 7, 8, 9, 10, 12, 13, 14]
    assert len(lines) == 17, problems_of(text)


def test_a_policy_of_any_size_is_refused_quickly() -> None:
    assert "it may have" in problems_of(f"{HEAD}# {'x' * 600_000}")[0]
    assert "nested" in problems_of(f"{HEAD}rules: {'[' * 100_000}")[0]
    many = "".join(f"  - {{name: r{number}, when: amount > 5, outcome: review}}\n" for number in range(300))
    assert "at most 256" in problems_of(f"{HEAD}rules:\n{many}")[0]


@given(st.text(max_size=300) | st.text("{}[]:,-&*|>'\"# \n abc01.", max_size=80))
def test_garbage_is_refused_with_a_line(text: str) -> None:
    assert all(one.startswith("policy.yaml:") for one in problems_of(text))


@given(policy_texts(), st.data())
def test_a_damaged_policy_is_read_or_refused(text: str, data: st.DataObject) -> None:
    place, length = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 20))
    damaged = text[:place] + data.draw(st.text(max_size=3)) + text[place + length :]
    with suppress(PolicyError):
        assert isinstance(parse_policy(DEFINITIONS, damaged), Policy)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"the file cannot be read: no such file or directory; check"):
        read_policy(DEFINITIONS, tmp_path / "policy.yaml")
