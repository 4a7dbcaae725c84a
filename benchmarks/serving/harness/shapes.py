"""Payments as the shipped definitions have them, with undeclared fields, and with forty declared ones.

The wide definitions are made of the shipped ones, with 29 fields and 101 features more: every kind of field
and every aggregate.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from fraud.definitions.definitions import Definitions
from fraud.definitions.loading import SHIPPED, load_definitions, parse_definitions

FIELDS: dict[str, dict[str, Any]] = {
    "device_id": {"type": "id", "path": "device.fingerprint"},
    "device_system": {"type": "category", "path": "device.system"},
    **{name: {"type": "id"} for name in ("ip_hash", "email_hash", "terminal_id", "session_id", "account_id")},
    **{
        name: {"type": "category"}
        for name in ("entry_mode", "ip_country", "language", "auth_method", "acquirer", "card_type", "bin")
    },
    **{name: {"type": "boolean"} for name in ("is_recurring", "is_gift", "has_loyalty", "is_strong_auth")},
    **{name: {"type": "money", "currency": "currency"} for name in ("tip", "shipping_fee")},
    **{name: {"type": "fixed", "scale": 2} for name in ("discount", "weight_kg", "basket_total")},
    **{
        name: {"type": "number"}
        for name in ("account_age", "risk_hint", "basket_items", "shipping_km", "attempts")
    },
    "account_created": {"type": "time"},
}
"""All of them optional."""

TWENTY = (
    ',"device_id":"d-4711-ab","ip_country":"DE","entry_mode":"contactless","terminal_id":"term-00042",'
    '"acquirer":"acq-7","mcc":5411,"session":"6f1c9b2e7a","is_recurring":false,"account_age":412,'
    '"email_hash":"9a8b7c6d5e4f","basket_items":3,"shipping_km":12.5,"tip":0,"loyalty":true,'
    '"app_version":"7.4.1","language":"de","attempts":1,"auth_method":"3ds2","risk_hint":null,"bin":411111'
)
"""Twenty fields of usual kinds."""

_MESSAGES = 997
_CATEGORIES = {
    "entry_mode": ("chip", "contactless", "keyed", "online"),
    "ip_country": ("DE", "FR", "NO", "US"),
}
_WINDOWS = ("1h", "24h", "7d", "30d")
_KEYED, _SAME_DEVICE = {"entry_mode": "keyed"}, {"device_id": "same"}


@dataclass(frozen=True)
class PaymentShape:
    """A width of payments.

    Attributes:
        name: of it, as an option and as part of topics' names.
        text: of a definitions file; empty for the shipped one.
        members: what the n-th message has more, as text of JSON, from its comma on.
    """

    name: str
    text: str
    members: Callable[[int], str]

    def write_definitions(self, folder: Path) -> Path | None:
        """Write the definitions file into a folder; None if it is the shipped one."""
        if not self.text:
            return None
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.yaml"
        path.write_text(self.text, encoding="utf-8")
        return path


V1 = PaymentShape("v1", "", lambda _: "")


@cache
def shape(name: str) -> PaymentShape:
    """The shape of that name: v1, undeclared or wide.

    Raises:
        ValueError: there is none.
    """
    if name == V1.name:
        return V1
    if name == "undeclared":
        return PaymentShape(name, "", lambda _: TWENTY)
    if name == "wide":
        return PaymentShape(name, wide_text(), lambda number: _wide_members()[number % _MESSAGES])
    raise ValueError(f"there is no shape {name!r} of payments; use v1, undeclared or wide")


def definitions_of(found: PaymentShape) -> Definitions:
    """The definitions of a shape of payments."""
    return wide_definitions() if found.text else load_definitions()


@cache
def wide_definitions() -> Definitions:
    """The shipped definitions with 29 fields and 101 features more."""
    return parse_definitions(wide_text(), "wide.yaml")


def wide_text(salt: int = 0) -> str:
    """The wide definitions file; each `salt` gives other windows, so that nobody has seen such a file."""
    fields = "".join(f"  {name}: {json.dumps(one | {'optional': True})}\n" for name, one in FIELDS.items())
    features = "".join(
        f"  - {json.dumps({'name': f'wide_{number}', **one})}\n"
        for number, one in enumerate(wide_features(salt))
    )
    shipped = SHIPPED.read_text(encoding="utf-8").rstrip("\n") + "\n"
    assert shipped.count("\nentities:\n") == 1
    return shipped.replace("\nentities:\n", f"\n{fields}\nentities:\n") + features


def wide_features(salt: int = 0) -> list[dict[str, Any]]:
    """The 101 features, without their names."""
    windows = (*_WINDOWS[:-1], f"{30 * 24 - salt % 600}h")
    return [*_transforms(), *_counts(windows), *_sums(windows), *_others(windows)]


def _transforms() -> Iterator[dict[str, Any]]:
    for name in (
        *("entry_mode", "ip_country", "language", "auth_method", "card_type", "is_recurring"),
        *("is_strong_auth", "tip", "account_age", "risk_hint"),
    ):
        yield {"transform": "value", "of": name}
    for transform in ("hour", "weekday"):
        yield {"transform": transform, "of": "timestamp", "zone": "ip_country"}


def _counts(windows: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    filters: tuple[dict[str, Any], ...] = (
        *(_SAME_DEVICE, _KEYED, {"is_recurring": True}, {"amount": {"at_least": 100}}),
        {"acquirer": {"one_of": ["acquirer-1", "acquirer-2"]}},
    )
    for where in filters:
        yield from ({"aggregate": "count", "where": where, "window": window} for window in windows)
    for where in (_KEYED, {"is_strong_auth": True}):
        yield from ({"aggregate": "share", "where": where, "window": window} for window in windows[1::2])


def _sums(windows: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for window in windows:
        yield {"aggregate": "sum", "of": "amount", "where": _SAME_DEVICE, "window": window}
        yield from ({"aggregate": "sum", "of": name, "window": window} for name in ("tip", "discount"))
        yield from ({"aggregate": "mean", "of": name, "window": window} for name in ("tip", "weight_kg"))
        yield from ({"aggregate": "std", "of": name, "window": window} for name in ("amount", "tip"))


def _others(windows: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    month = windows[-1]
    for window in windows[::3]:
        for aggregate in ("min", "max"):
            for name in ("account_age", "risk_hint", "tip"):
                yield {"aggregate": aggregate, "of": name, "window": window}
    for name in ("device_id", "ip_country", "terminal_id", "email_hash"):
        yield from ({"aggregate": "distinct", "of": name, "window": window} for window in windows[1::2])
    for name in ("device_id", "ip_country", "entry_mode", "email_hash", "terminal_id", "account_id"):
        yield {"aggregate": "is_new", "of": name, "window": month}
    for aggregate in ("ratio", "zscore"):
        yield from ({"aggregate": aggregate, "of": name, "window": month} for name in ("tip", "discount"))
    yield {"aggregate": "seconds_since_last", "where": _SAME_DEVICE, "window": month}
    yield {"aggregate": "seconds_since_first", "window": month}
    yield {"aggregate": "seconds_since_first", "where": _KEYED, "window": month}
    yield {"aggregate": "count_above_mean", "of": "tip", "last": 10, "factor": 2.0, "window": month}
    yield {"aggregate": "speed", "of": "place", "window": "24h"}
    yield {"divide": ["card_sum_1h", "card_sum_30d"]}
    yield {"subtract": ["card_count_24h", "card_count_1h"]}


@cache
def _wide_members() -> list[str]:
    draw = random.Random(1)
    return [_members(draw) for _ in range(_MESSAGES)]


def _members(draw: random.Random) -> str:
    values: dict[str, Any] = {}
    for name, field in FIELDS.items():
        outer, _, inner = field.get("path", name).partition(".")
        drawn = _drawn(name, field["type"], draw)
        if inner:
            values.setdefault(outer, {})[inner] = drawn
        else:
            values[outer] = drawn
    return "," + json.dumps(values, separators=(",", ":"))[1:-1]


def _drawn(name: str, kind: str, draw: random.Random) -> Any:
    if kind == "id":
        return f"{name}-{draw.randrange(400):06d}"
    if kind == "category":
        return draw.choice(_CATEGORIES.get(name, tuple(f"{name}-{number}" for number in range(8))))
    if kind == "boolean":
        return draw.random() < 0.5
    if kind == "time":
        return 1_700_000_000_000 + draw.randrange(10**9)
    return round(draw.random() * 100, 2)


def with_wide_columns(table: pa.Table, seed: int) -> pa.Table:
    """A table of payments with the columns of the 29 fields, drawn at random, as the lake has them."""
    draw = random.Random(seed)
    index = pa.array([draw.randrange(_MESSAGES) for _ in range(table.num_rows)])
    for name, field in FIELDS.items():
        drawn = [_drawn(name, field["type"], draw) for _ in range(_MESSAGES)]
        if field["type"] in ("money", "fixed"):
            drawn = [round(one * 100) for one in drawn]
        table = table.append_column(name, pa.array(drawn).take(index))
    return table
