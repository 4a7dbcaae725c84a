"""What a webhook says of a decision."""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from xxhash import xxh3_128_hexdigest

from fraud.decisions.outcomes import Outcome
from fraud.schema import Identifier, Millis, MinorUnits, Probability, Reason, from_minor


class WebhookPrediction(msgspec.Struct, frozen=True, gc=False):
    """The fields of a `Prediction` that a webhook is made of."""

    transaction_id: Identifier
    card_id: Identifier
    timestamp: Millis
    amount: MinorUnits
    currency: str
    score: Probability
    decision: Outcome
    scored_at: Millis
    model_version: str
    reasons: list[Reason] | None = None
    policy: str | None = None
    segment: str | None = None
    rules: list[str] | None = None
    lists: list[str] | None = None
    decided_by: str | None = None


@dataclass(frozen=True)
class WebhookEvent:
    """One decision as it is sent; `id` is the same however often it is sent."""

    id: str
    body: bytes


def event_of(prediction: WebhookPrediction) -> WebhookEvent:
    """The event: `type` is `decision.OUTCOME`, `timestamp` the time of scoring, `data` the decision.

    The amount is a decimal number as text, in the currency's whole units.
    """
    data = msgspec.to_builtins(prediction) | {
        "amount": str(from_minor(prediction.amount, prediction.currency)),
        "timestamp": _moment(prediction.timestamp),
        "scored_at": _moment(prediction.scored_at),
    }
    content = {
        "type": f"decision.{prediction.decision}",
        "timestamp": _moment(prediction.scored_at),
        "data": {name: value for name, value in data.items() if value is not None},
    }
    return WebhookEvent(_id_of(prediction), msgspec.json.encode(content))


def _id_of(prediction: WebhookPrediction) -> str:
    """By payment: one that was delivered at least once is decided once."""
    # The length keeps "a:b" and "c" apart from "a" and "b:c".
    key = f"{len(prediction.card_id)}:{prediction.card_id}:{prediction.transaction_id}"
    return f"decision_{xxh3_128_hexdigest(key.encode())}"


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
