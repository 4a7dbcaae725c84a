"""Messages for files without a usable row: what happened, and which line of the mapping helps."""

import re
from collections import Counter
from pathlib import Path

from producer.replay.rows.labels import REPORTED_BEFORE
from producer.replay.staging.rejected_rows import RejectedRows

_REMEDIES = {
    r"^amount .*\d,\d+' is not a number": (
        'decimal commas are read with `amount: {column: ..., decimal: ","}`, points between thousands with '
        '`thousands: "."`'
    ),
    r"^amount .*\d_\d+.*' is not a number": (
        'underscores between thousands are read with `amount: {column: ..., thousands: "_"}`'
    ),
    r"^amount .*more decimals": "round with `amount: {column: ..., round: true}`",
    r"^(timestamp|reported_at) .* cannot be read": (
        'name the form of its times in the mapping, such as `{0}: {column: ..., format: "%d.%m.%Y %H:%M"}`'
    ),
    r"^(timestamp|reported_at) .* before the earliest allowed": (
        "if its numbers count something else than milliseconds since 1970, name it in the mapping, "
        "`{0}: {column: ..., format: epoch_s}`, or, if they count from a start, "
        "`{0}: {column: ..., start: 2026-01-01, unit: s}`"
    ),
    r"^timestamp .* in the future": (
        "if its times are local, name their zone, `timestamp: {column: ..., zone: Europe/Berlin}`"
    ),
    r"^source .* is none of": (
        "name what other sources count as in the mapping, `source: {column: source, default: chargeback}`"
    ),
    r"^is_fraud .* cannot be read": (
        "say what its values mean in the mapping, `is_fraud: {column: ..., values: {Y: 1, N: 0}}`"
    ),
    r"^currency ": ('say what its values mean in the mapping, `currency: {column: ..., values: {"$": USD}}`'),
    r"^(\w+) is missing": "if another column holds it, map it, `{0}: column`",
    r"^a refund": (
        "refunds are no payments unless the definitions say `amount: {type: money, refunds: true}`; if the "
        'file writes payments with a minus sign, strip it with `amount: {column: ..., strip: "-"}`'
    ),
    "^" + re.escape(REPORTED_BEFORE): (
        "look at the unit and zone of reported_at, or leave it out with `reported_at: null`, so that labels "
        "count as reported after --label-delay"
    ),
    r"^no such transaction": (
        "see whether it writes transaction_id as the file of transactions does: a prefix is stripped with "
        '`labels: {transaction_id: {column: ..., strip: "TX-"}}`'
    ),
    r"^card_id is not": "if it is written otherwise, leave it out with `labels: {card_id: null}`",
}
"""What helps, by the reason that it helps against."""


def no_transaction_of(path: Path, rejected: RejectedRows) -> str:
    """The sentence for a file without one good transaction."""
    message = f"none of the {rejected.count:,} rows of {path} is a transaction"
    if not rejected.first:
        return f"{message}: it has a header and nothing below"
    position, reason = rejected.first[0]
    return f"{message}; the first, in {rejected.name(position)}: {reason}{_advice(reason)}"


def no_label_of(path: Path, rejected: RejectedRows, unused: Counter[str]) -> str:
    """The sentence for a file without one usable label."""
    message = f"not one label of {path} can be used, so that nothing is published"
    if rejected.first and rejected.count >= unused.total():
        position, reason = rejected.first[0]
        return f"{message}; the first, in {rejected.name(position)}: {reason}{_advice(reason)}"
    if unused:
        reason, count = unused.most_common(1)[0]
        return f"{message}; of {count:,}: {reason}{_advice(reason)}"
    return f"{message}: it holds none, or none of a transaction that was read"


def remedy(reason: str) -> str | None:
    """What helps against a reason, if something is known."""
    for pattern, words in _REMEDIES.items():
        match = re.search(pattern, reason)
        if match:
            return words.replace("{0}", match.group(1) if match.groups() else "")
    return None


def _advice(reason: str) -> str:
    words = remedy(reason)
    return f" ({words})" if words else ""
