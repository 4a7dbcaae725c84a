"""Policies and lists for tests of serving."""

import hashlib
from collections.abc import Iterable

from fraud.decisions.log.events import (
    AliasMoved,
    PolicyApproved,
    PolicyProposed,
    PolicyRejected,
    encode_event,
)
from fraud.decisions.log.fold import fold_policies
from fraud.decisions.log.state import PolicyState

BANDS = "bands: {on: probability, review: model}\n"
DECLINES_SMALL = """
version: 1
name: acme
lists:
  trusted: {field: merchant_id, outcome: approve}
  blocked: {field: card_id, outcome: decline, reason: card is blocked}
  watched: {field: channel}
rules:
  - {name: small, when: amount < 100, outcome: decline, priority: 5, reason: small amounts, owner: jane}
  - {name: online, when: "in_list('watched')", outcome: challenge, mode: shadow, owner: jane, reason: online}
  - {name: ratio, when: 1 / (amount - amount) > 1, outcome: decline, owner: jane, reason: never computable}
segments:
  - {name: travel, when: "merchant_category = 'travel'", bands: {on: probability, decline: 1.0}}
bands: {on: probability, review: model, decline: 1.0}
"""
"""Rules of which one fails on every payment."""


def named_policy(name: str, rest: str = BANDS) -> str:
    return f"version: 1\nname: {name}\n{rest}"


def of_other_fields(name: str) -> str:
    """A policy that the definitions V1 cannot apply, as those of another deployment may have it."""
    rule = "rules:\n  - {name: far, when: device_age > 5, outcome: decline, owner: jane, reason: far}\n"
    return named_policy(name, rule + BANDS)


def proposed(text: str, rules: tuple[str, ...] = ()) -> PolicyProposed:
    """By ann; approved when bob approves. `rules` are those whose versions are of interest."""
    digest = policy_digest_of(text)
    return PolicyProposed(text, digest, {name: policy_digest_of(name) for name in rules}, 1, "ann", 1)


def policy_digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def moved(version: int | None, former: int | None, alias: str = "live", *, back: bool = False) -> AliasMoved:
    return AliasMoved(alias, version, former, "bob", 3, is_rollback=back)  # type: ignore[arg-type]


def state_of(*events: "Event") -> PolicyState:
    """What a log of these events comes to; all of them count."""
    state = fold_policies(encode_event(event) for event in events)
    assert state.refused == ()
    return state


Event = PolicyProposed | PolicyApproved | PolicyRejected | AliasMoved


def live_one_after_another(texts: Iterable[str]) -> list[Event]:
    """Events by which the policies went live one after another, as versions 1, 2, ..."""
    events: list[Event] = []
    for number, text in enumerate(texts, 1):
        events += [proposed(text), PolicyApproved(number, "bob", 2), moved(number, number - 1 or None)]
    return events
