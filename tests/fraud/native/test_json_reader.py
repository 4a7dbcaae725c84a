"""A small run of `make fuzz`: other messages each time, the seed stands in a failure's text."""

import time

from tests.fuzz.run import fuzz

_MESSAGES = 4_000


def test_every_way_to_read_messages_agrees() -> None:
    seed = time.time_ns()
    figures = fuzz(_MESSAGES, seed)
    # then the run meant something: messages of either kind, most of the good ones read by compiled code
    assert figures.messages >= _MESSAGES, seed
    assert 0.3 < figures.admitted / figures.messages < 0.7, seed
    assert figures.fast > 0.7 * figures.admitted, seed
