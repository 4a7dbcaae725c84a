"""Texts of categories that have one code."""

from itertools import count

from fraud.features.events import code_of


def _text_like(text: str) -> str:
    """Another text with the same code."""
    return next(other for number in count() if code_of(other := f"like-{number}") == code_of(text))


ALIKE = ("US", _text_like("US"))
"""Two texts with one code."""
