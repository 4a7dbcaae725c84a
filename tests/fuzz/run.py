"""A run: batches of generated messages, each through every way to read it."""

import time
from dataclasses import dataclass
from random import Random

from fraud.definitions.definitions import Definitions
from tests.definitions import V1
from tests.fuzz.agreement import OTHER_TYPES, assert_agreement, assert_contained, assert_stored_alike
from tests.fuzz.definitions import random_definitions
from tests.fuzz.generators import DAY_MS, NOW, message, simple
from tests.fuzz.other_types import other_message

_LONGEST_BATCH = 64
_OTHER_DEFINITIONS = 0.5
"""How often a batch is the first with other definitions."""
_GENERATED = 0.7
"""How many of those are not the shipped ones."""


class DifferenceError(AssertionError):
    """Two ways to read messages do not agree, or one failed; the text has the messages to reproduce it."""


@dataclass
class Figures:
    """What a run has seen: messages, those that count, and those of them that compiled code read alone."""

    messages: int = 0
    admitted: int = 0
    fast: int = 0
    others: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(
            self.messages + other.messages,
            self.admitted + other.admitted,
            self.fast + other.fast,
            self.others + other.others,
            self.seconds + other.seconds,
        )

    def __str__(self) -> str:
        return (
            f"{self.messages:,} messages ({self.admitted:,} admitted, {self.fast:,} by compiled code) "
            f"and {self.others:,} for each of {len(OTHER_TYPES)} types in {self.seconds:.0f} s: "
            "0 differences, 0 crashes"
        )


def fuzz(count: int, seed: int) -> Figures:
    """Read at least `count` messages in all.

    Raises:
        DifferenceError: at the first batch on which two ways differ.
    """
    random, figures, began = Random(seed), Figures(), time.monotonic()
    definitions = V1
    while figures.messages < count:
        if random.random() < _OTHER_DEFINITIONS:
            definitions = random_definitions(random) if random.random() < _GENERATED else V1
        _batch(random, definitions, figures)
        _others(random, figures)
    figures.seconds = time.monotonic() - began
    return figures


def _batch(random: Random, definitions: Definitions, figures: Figures) -> None:
    """Messages in a row, simple ones among them: what is wrong with one must not reach its neighbours."""
    values: list[bytes | None] = [
        simple(random, definitions) if random.random() < 0.2 else message(random, definitions)
        for _ in range(random.randrange(1, _LONGEST_BATCH))
    ]
    if random.random() < 0.05:
        values[random.randrange(len(values))] = None
    times = [NOW + random.choices((DAY_MS, 0, -DAY_MS), (8, 1, 1))[0] for _ in values]
    try:
        decoded = assert_agreement(values, times, definitions)
        assert_stored_alike(decoded, values, times, definitions)
    except Exception as error:
        fields = f"fields = {definitions.fields!r}"
        raise DifferenceError(f"{error}\n{fields}\nvalues = {values!r}\ntimes = {times!r}") from error
    figures.messages += len(values)
    figures.admitted += len(decoded)
    figures.fast += decoded.fast


def _others(random: Random, figures: Figures) -> None:
    for _ in range(4):
        value = other_message(random)
        try:
            assert_contained(value)
        except Exception as error:
            raise DifferenceError(f"{error}\nvalue = {value!r}") from error
        figures.others += 1
