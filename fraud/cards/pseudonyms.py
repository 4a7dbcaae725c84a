"""Keyed pseudonyms of card numbers: HMAC-SHA256 with a secret key, so that nobody without it can try numbers.

A pseudonym is `pan-KEYID-TEXT`: 7 characters that name the key, and 128 bits in Base32. The same number gets
the same pseudonym, however it is written (`4111 1111...`, `4111-1111...`), as long as the key is the same.
"""

import base64
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256

from fraud.cards.masking import replace_card_numbers
from fraud.cards.numbers import digits_of, holds_card_number

PREFIX = "pan-"
KEY_PREFIX = "cards_"
_KEY_BYTES = range(32, 65)
_NEW_KEY_BYTES = 32
_ID_LETTERS = 7
_TEXT_BYTES = 16
_ID_MESSAGE = b"fraud card key"
PSEUDONYM_LENGTH = len(PREFIX) + _ID_LETTERS + 1 + 26
"""Characters of a pseudonym."""
KEY_HINT = "a key of card numbers is cards_ and 32 to 64 bytes as Base64; `fraud cards new-key` makes one"


def new_key() -> str:
    """A new key as it stands in a file or a setting."""
    return KEY_PREFIX + base64.b64encode(secrets.token_bytes(_NEW_KEY_BYTES)).decode()


def parse_key(text: str) -> bytes:
    """The bytes of a key.

    Raises:
        ValueError: it is none; the text never repeats it.
    """
    try:
        key = base64.b64decode(text.strip().removeprefix(KEY_PREFIX), validate=True)
    except ValueError:
        raise ValueError(KEY_HINT) from None
    if not text.strip().startswith(KEY_PREFIX) or len(key) not in _KEY_BYTES:
        raise ValueError(KEY_HINT)
    return key


@dataclass(frozen=True)
class CardKeys:
    """The key under which pseudonyms are made, and former ones under which they are only looked up."""

    current: bytes = field(repr=False)
    previous: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def parse(cls, texts: Sequence[str]) -> "CardKeys":
        """The keys of a file's lines or of settings, the current one first.

        Raises:
            ValueError: one is no key, or there is none.
        """
        keys = [parse_key(text) for text in texts if text.strip()]
        if not keys:
            raise ValueError(KEY_HINT)
        return cls(keys[0], tuple(keys[1:]))

    @property
    def key_ids(self) -> list[str]:
        """What names each key in its pseudonyms, the current one first."""
        return [_key_id(key) for key in (self.current, *self.previous)]

    def pseudonym(self, number: str) -> str:
        """Of a card number, under the current key."""
        return _pseudonym(self.current, number)

    def replace(self, text: str) -> str:
        """The text with a pseudonym in the place of each card number."""
        return replace_card_numbers(text, self.pseudonym)

    def lookups(self, text: str) -> list[str]:
        """What a text with card numbers may be called in what is stored: under each key, the current first.

        A text without one is called as it is.
        """
        if not holds_card_number(text):
            return [text]
        keys = (self.current, *self.previous)
        return [replace_card_numbers(text, partial(_pseudonym, key)) for key in keys]


def _pseudonym(key: bytes, number: str) -> str:
    digest = hmac.digest(key, digits_of(number).encode(), sha256)[:_TEXT_BYTES]
    return f"{PREFIX}{_key_id(key)}-{_base32(digest)}"


def _key_id(key: bytes) -> str:
    return _base32(hmac.digest(key, _ID_MESSAGE, sha256))[:_ID_LETTERS]


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()
