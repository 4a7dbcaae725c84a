"""What becomes of card numbers in messages: the rule of admission, and of all that writes to the topics."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Literal

import msgspec

from fraud.cards.masking import mask_bytes, mask_text
from fraud.cards.numbers import find_card_numbers, holds_card_number, is_card_number
from fraud.cards.pseudonyms import CardKeys

Action = Literal["refuse", "replace"]

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*', re.DOTALL)
"""A text or a number of JSON; in valid JSON nothing else has a quote or a digit."""


@dataclass(frozen=True)
class CardRule:
    """What becomes of card numbers.

    Attributes:
        action: at admission; `replace` needs keys.
        keys: of pseudonyms; None: numbers can be refused and masked only.
        exempt: fields that may look like card numbers because they never hold one, and where each is in a
            message.
    """

    action: Action = "refuse"
    keys: CardKeys | None = field(default=None, repr=False)
    exempt: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Names the rule where it matters whether two are the same; empty for the default rule."""
        key_ids = [] if self.keys is None or self.action == "refuse" else self.keys.key_ids[:1]
        parts = [*([self.action] if self.action != "refuse" else []), *key_ids, *sorted(self.exempt)]
        return " ".join(parts)

    def replace(self, text: str) -> str:
        """The text with pseudonyms in the place of card numbers; masked where there are no keys."""
        return mask_text(text) if self.keys is None else self.keys.replace(text)

    def lookups(self, text: str) -> list[str]:
        """What an identifier that somebody asks for may be called in what is stored, most likely first.

        Last comes the text as it is: of exempt fields, and of what was stored before there was a rule.
        """
        named = [] if self.keys is None else self.keys.lookups(text)
        return [*dict.fromkeys([*named, text])]

    def clean_key(self, key: bytes | None) -> bytes | None:
        """A message's key without card numbers."""
        return None if key is None else self.replace(key.decode("latin-1")).encode("latin-1")

    def clean_name(self, name: str) -> str:
        """The name of a header without card numbers."""
        return mask_text(name)

    def clean_payload(self, payload: bytes | None) -> bytes | None:
        """A message's bytes with card numbers masked, but for those of fields that are exempt."""
        masked = None if payload is None else mask_bytes(payload)
        if masked is None or payload is None or masked == payload:
            return payload
        for kept in self._exempt_texts(payload):
            masked = masked.replace(mask_bytes(kept), kept)
        return masked

    def replace_json(self, body: bytes) -> bytes:
        """A JSON message with pseudonyms in all its texts and numbers, declared or not.

        Args:
            body: valid JSON.
        """
        if mask_bytes(body) == body:
            return body
        kept = set(self._exempt_texts(body))
        return _TOKEN.sub(lambda token: self._replace_token(token[0], kept), body)

    def replace_stored(self, body: bytes | None) -> bytes | None:
        """A message of an earlier version without card numbers; what is no JSON is masked."""
        if body is None or mask_bytes(body) == body:
            return body
        try:
            msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return mask_bytes(body)
        return self.replace_json(body)

    def _replace_token(self, token: bytes, kept: set[bytes]) -> bytes:
        if not token.startswith(b'"'):
            digits = token.decode()
            return msgspec.json.encode(self.replace(digits)) if is_card_number(digits) else token
        text: str = msgspec.json.decode(token)
        if text.encode() in kept or not holds_card_number(text):
            return token
        return msgspec.json.encode(self.replace(text))

    def _exempt_texts(self, payload: bytes) -> list[bytes]:
        """The texts of exempt fields that look like card numbers; none of a message that is no JSON."""
        if not self.exempt:
            return []
        try:
            message = msgspec.json.decode(payload)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return []
        found = (reduce(_member, path, message) for path in self.exempt.values())
        return [one.encode() for one in found if isinstance(one, str) and find_card_numbers(one)]


def _member(message: Any, name: str) -> Any:
    return message.get(name) if isinstance(message, dict) else None
