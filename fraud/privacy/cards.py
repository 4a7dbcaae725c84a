"""Which ids stand for a card, and where a text names one of them."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

_MASK = b"*"


class CardMatcher(Protocol):
    """Recognises the cards that are forgotten."""

    def has(self, card_id: str) -> bool:
        """Whether it is the id of one of them."""

    def is_named_in(self, content: bytes) -> bool:
        """Whether a message or a text names one of them."""


@dataclass(frozen=True)
class NamedCard:
    """One card by its ids: the one that was given, and its pseudonyms."""

    ids: frozenset[str]

    def has(self, card_id: str) -> bool:
        """Whether it is one of the ids."""
        return card_id in self.ids

    def is_named_in(self, content: bytes) -> bool:
        """Whether a text has one of the ids as a whole word, or a binary message has its bytes."""
        pattern = self._word if is_text(content) else self._anywhere
        return pattern.search(content) is not None

    def masked(self, content: bytes) -> tuple[bytes, int]:
        """A text of the same length with asterisks for the ids, and how many there were."""
        return self._word.subn(lambda found: _MASK * len(found[0]), content)

    def replaced(self, text: str, token: str) -> str:
        """A text with `token` for the ids."""
        return self._word.sub(token.encode(), text.encode()).decode()

    @cached_property
    def forms(self) -> list[str]:
        """The ids as messages and files have them: as they are, and as JSON writes them, longest first."""
        forms = {form for one in self.ids for form in (one, *_in_json(one))}
        return sorted(forms, key=lambda form: (-len(form), form))

    @cached_property
    def _anywhere(self) -> re.Pattern[bytes]:
        return re.compile(b"|".join(re.escape(form.encode()) for form in self.forms))

    @cached_property
    def _word(self) -> re.Pattern[bytes]:
        # Without bounds the id c4 would be found in c42.
        return re.compile(rb"(?<![\w-])(?:%s)(?![\w-])" % self._anywhere.pattern)


def is_text(content: bytes) -> bool:
    """Whether the bytes are text, such as JSON, and not a binary format."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in content and not content.startswith(b"\x03")


def _in_json(text: str) -> Iterable[str]:
    return (json.dumps(text, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False))
