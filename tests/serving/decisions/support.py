"""Policies and lists for tests of serving."""

from collections.abc import Iterable

from fraud.decisions.document import parse_policy
from fraud.decisions.log.events import (
    AliasMoved,
    PolicyApproved,
    PolicyProposed,
    PolicyRejected,
    encode_event,
)
from fraud.decisions.log.fold import fold_policies
from fraud.decisions.log.state import PolicyState
from tests.definitions import V1

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
  - {name: travel, when: "merchant_category = 'travel'", bands: {on: probability, decline: 0.9}}
bands: {on: probability, challenge: 0.2, review: model, decline: 0.95}
"""
"""Rules of which one fails on every payment."""


def named_policy(name: str, rest: str = BANDS) -> str:
    return f"version: 1\nname: {name}\n{rest}"


def of_other_fields(name: str) -> str:
    """A policy that the definitions V1 cannot apply, as those of another deployment may have it."""
    rule = "rules:\n  - {name: far, when: device_age > 5, outcome: decline, owner: jane, reason: far}\n"
    return named_policy(name, rule + BANDS)


def proposed(text: str, at: int = 1) -> PolicyProposed:
    """By ann; approved when bob approves."""
    return PolicyProposed(text, f"{abs(hash(text)):016x}"[:16], {}, 1, "ann", at)


def moved(version: int | None, former: int | None, alias: str = "live", *, back: bool = False) -> AliasMoved:
    return AliasMoved(alias, version, former, "bob", 3, is_rollback=back)  # type: ignore[arg-type]


def state_of(*events: PolicyProposed | PolicyApproved | PolicyRejected | AliasMoved) -> PolicyState:
    """What a log of these events comes to; all of them count."""
    state = fold_policies(encode_event(event) for event in events)
    assert state.refused == ()
    return state


def live_one_after_another(texts: Iterable[str]) -> list[PolicyProposed | PolicyApproved | AliasMoved]:
    """Events by which the policies went live one after another, as versions 1, 2, ..."""
    events: list[PolicyProposed | PolicyApproved | AliasMoved] = []
    for number, text in enumerate(texts, 1):
        events += [proposed(text), PolicyApproved(number, "bob", 2), moved(number, number - 1 or None)]
    return events


def rule_names(text: str) -> list[str]:
    return [rule.name for rule in parse_policy(V1, text).rules]
