"""The check of words finds what it should, and nothing in what is usual English."""

import pytest

from tests.retired_words import words_of


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("def door_of(topic):", ["door"]),
        ("class DoorState:", ["door"]),
        ("it was told by HTTPDoor", ["told", "door"]),
        ("this may wait for ever", ["for ever"]),
        ("outdoor toldo doorway indoors Bodoor", []),
        ("`AdmissionFilter` decides, step by step", []),
    ],
)
def test_words_are_found_within_identifiers(line: str, words: list[str]) -> None:
    assert [word for word, _ in words_of(line)] == words
