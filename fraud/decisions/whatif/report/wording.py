"""The figures of a what-if as people read them."""

from collections.abc import Callable
from math import isfinite

from fraud.decisions.whatif.result import LeftOutPayments, PartFigures, WhatIfResult
from fraud.evaluation.metrics import Estimate

NOTHING = "-"

GLOSSARY = (
    ("Alert", "A payment whose outcome is challenge, review or decline."),
    (
        "Precision and recall",
        "The share of alerts that are fraud, and the share of all frauds that are alerts; by money each "
        "payment counts by its amount.",
    ),
    (
        "Lost, saved, wrongly declined",
        "The amounts of frauds that are approved; of frauds that are declined, challenged or reviewed; and "
        "of legitimate payments that are declined.",
    ),
    (
        "Only this",
        "Payments that this rule or list decides and that nothing else in the policy would have stopped; of "
        "what approves: that would have been stopped without it.",
    ),
    (
        "In shadow",
        "A rule in shadow decides nothing. Its figures are those of the payments that it would decide.",
    ),
    (
        "Brackets",
        "95 % intervals: Wilson's for precision and recall, for all others a bootstrap of whole cards.",
    ),
    (
        "Which payments count",
        "Alerts are counted over all days. Precision, recall and money need the label, so they are those of "
        "payments that have matured: by then a fraud would have been reported.",
    ),
    (
        "Declined payments",
        "Nobody learns whether a declined payment was fraud. If there is a control group, its payments stand "
        "for all that were declined; without one these are left out. All figures are without the control "
        "group's own approvals.",
    ),
)


def count(value: float) -> str:
    """A number of payments, a day or in all."""
    if not isfinite(value):
        return NOTHING
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.1f}"


def share(value: float) -> str:
    """A share as a percentage."""
    if not isfinite(value):
        return NOTHING
    return f"{value:.1%}" if 0 < abs(value) < 0.1 else f"{value:.0%}"


def money(value: float) -> str:
    """An amount in whole units, without its currency."""
    if not isfinite(value):
        return NOTHING
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.2f}"


def short(value: float) -> str:
    """A number or an amount with three digits: 1.35M, 663k, 8.25."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    if not isfinite(value):
        return NOTHING
    size = abs(value)
    return f"{value:.{0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2}f}"


def points(value: float) -> str:
    """A share, or a difference of shares, in percentage points."""
    return f"{value * 100:.1f}" if isfinite(value) else NOTHING


def signed(text: str) -> str:
    """A difference with its sign."""
    return text if text.startswith("-") or text in ("0", "0.0") else f"+{text}"


def interval(one: Estimate, show: Callable[[float], str]) -> str:
    """The bounds of a figure in brackets; nothing where there are none."""
    if not isfinite(one.value) or one.low == one.high:
        return ""
    return f"[{show(one.low)}, {show(one.high)}]"


def title_of(part: PartFigures) -> str:
    """What a part is and what it gives."""
    outcome = f" → {part.outcome}" if part.outcome and part.kind != "band" else ""
    return f"{part.name}{outcome}"


def period(result: WhatIfResult) -> str:
    """Which days and payments were decided again."""
    days = f"{result.days} day" if result.days == 1 else f"{result.days} days"
    return (
        f"{result.payments:,} payments of {days} ({result.first_day} to {result.last_day}); "
        f"of {result.known:,} the label is known, {count(result.frauds)} are fraud"
        f" ({money(result.fraud_money)} {result.currency}".rstrip()
        + ")"
    )


def left_out_lines(left_out: LeftOutPayments) -> list[str]:
    """What the figures do not have, a sentence for each kind."""
    kinds = (
        (left_out.not_scored, "payments of the lake have no logged prediction"),
        (left_out.not_in_lake, "predictions are on payments that the lake does not have yet"),
        (left_out.repeated, "predictions repeat a payment; the first counts"),
        (left_out.unreadable, "messages of the topic are no predictions"),
        (
            left_out.not_matured,
            "payments have not matured: they are in alerts, not in precision, recall, money",
        ),
        (left_out.unobserved, "matured payments were declined, and nobody reported anything of them"),
        (left_out.no_amount, "payments have no rate into the base currency: they are not in money"),
        (left_out.no_features, "payments have no features: to rules these are unknown"),
        (left_out.computed_features, "payments had no training rows yet: their features were computed"),
    )
    return [f"{number:,} {text}" for number, text in kinds if number]
