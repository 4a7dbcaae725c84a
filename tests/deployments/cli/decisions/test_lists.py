"""`fraud list`, with a real broker."""

import json
from pathlib import Path

import pytest

from fraud.decisions.lists.publishing import read_lists
from fraud.settings import Settings
from tests.deployments.conftest import FraudCommand

pytestmark = pytest.mark.broker


def test_a_card_is_blocked_and_released(on_kafka: FraudCommand, settings: Settings) -> None:
    # when
    added = on_kafka(
        "list", "add", "blocked_cards", "c1", "c2", "--reason", "stolen", "--for", "30d", "--as", "ann"
    )
    entry = read_lists(settings).entry("blocked_cards", "c1")
    removed = on_kafka("list", "remove", "blocked_cards", "c1", "c9", "--as", "ann")
    # then
    assert added.out == "blocked_cards: 2 added, 0 changed, 0 there already\n"
    assert entry is not None
    assert (entry.by, entry.reason, (entry.expires or 0) - entry.at) == ("ann", "stolen", 30 * 86_400_000)
    assert removed.out == "blocked_cards: 1 removed\nc9 was not on it\n"
    assert [one.value for one in read_lists(settings)] == ["c2"]


def test_what_is_shown_fits_80_columns(on_kafka: FraudCommand) -> None:
    on_kafka("list", "add", "blocked_cards", "c" * 64, "--reason", "many words " * 20, "--as", "ann")
    on_kafka("list", "add", "blocked_cards", "c2", "--as", "bob@example.com")
    brief, one = on_kafka("list", "show").out, on_kafka("list", "show", "blocked_cards").out
    found = json.loads(on_kafka("list", "show", "blocked_cards", "--json", "--search", "BOB").out)
    assert all(len(line) <= 80 for line in (brief + one).splitlines())
    assert "blocked_cards card_id decline 2" in " ".join(brief.split())
    assert "blocked_cards: 2 entries" in one
    assert [entry["value"] for entry in found["entries"]] == ["c2"]
    assert found["position"] == 2


def test_a_file_goes_in_and_comes_out(on_kafka: FraudCommand, tmp_path: Path, settings: Settings) -> None:
    # given a file with reasons and expiries
    file = tmp_path / "cards.csv"
    file.write_text('card_id,reason,expires\nc1,"stolen, twice",2099-12-31\nc2,,\n')
    words = ("list", "import", "blocked_cards", str(file), "--reason", "leak", "--as", "ann")
    # when
    tried, done = on_kafka(*words, "--dry-run"), on_kafka(*words)
    out = on_kafka("list", "export", "blocked_cards").out
    # then
    assert "2 values for blocked_cards, none of them wrong; nothing was written" in tried.out
    assert done.out == "blocked_cards: 2 added, 0 changed, 0 there already\n"
    assert [(one.value, one.reason) for one in read_lists(settings)] == [
        ("c1", "stolen, twice"),
        ("c2", "leak"),
    ]
    # and what was written is read again without a change
    file.write_text(out)
    assert on_kafka(*words).out == "blocked_cards: 0 added, 0 changed, 2 there already\n"


def test_a_file_with_mistakes_changes_nothing(
    on_kafka: FraudCommand, tmp_path: Path, settings: Settings
) -> None:
    file = tmp_path / "cards.csv"
    file.write_text(f"value,expires\nc1,\n{'c' * 65},\nc3,soon\nc4,2001-01-01\n")
    refused = on_kafka("list", "import", "blocked_cards", str(file), "--as", "ann")
    assert refused.code == 2
    lines = refused.err.splitlines()
    assert [line.rpartition("cards.csv:")[2].split(":")[0] for line in lines[:3]] == ["3", "4", "5"]
    assert lines[-1] == "nothing was written"
    assert len(read_lists(settings)) == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["bloked_cards", "c1"], "no policy has a list 'bloked_cards'; did you mean blocked_cards?"),
        (["blocked_cards", " c1"], "' c1' has blanks around it"),
        (["blocked_cards", "c" * 65], "has 65 characters, and card_id has 1 to 64"),
        (["blocked_cards", "c1", "--for", "soon"], "--for 'soon' is no duration; write 30d, 12h or 90m"),
        (["blocked_cards", "c1", "--until", "2001-01-01"], "--until 2001-01-01 is over already"),
        (["blocked_cards", "c1", "--for", "1d", "--until", "2099-01-01"], "give one of them"),
        (["blocked_cards", "c1", "--reason", "x" * 2_001], "length <= 2000"),
    ],
)
def test_a_mistake_is_one_sentence(
    on_kafka: FraudCommand, settings: Settings, words: list[str], sentence: str
) -> None:
    refused = on_kafka("list", "add", *words, "--as", "ann")
    assert refused.code == 2
    assert sentence in refused.err
    assert len(read_lists(settings)) == 0
