"""What callers are answered."""

from typing import Literal

import msgspec

from fraud.decisions.outcomes import Outcome
from fraud.schema import Prediction, Reason

AnswerStatus = Literal["decided", "fallback"]
DecisionState = Literal["pending", "visible", "committed"]


class DecisionAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The decision on a payment, or the fallback where there was none by the deadline.

    `probability` is of fraud. `policy` is the version of the policy, absent under the default one; `rules`
    and `lists` are those that applied; `decided_by` is the one that decided, absent where the model's
    probability did. `reason` says why the answer is the fallback. Times are UTC ms.
    """

    transaction_id: str
    card_id: str
    status: AnswerStatus
    outcome: Outcome
    probability: float | None = None
    reasons: list[Reason] | None = None
    decided_by: str | None = None
    rules: list[str] | None = None
    lists: list[str] | None = None
    segment: str | None = None
    policy: str | None = None
    policy_digest: str | None = None
    model_name: str | None = None
    model_version: str | None = None
    model_digest: str | None = None
    scored_at: int | None = None
    reason: str | None = None


class DecisionRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a payment.

    `answer` is the first answer, which every repeated request gets. `decision` is what the engine decided:
    `visible` before and `committed` after Kafka's transaction.
    """

    transaction_id: str
    card_id: str
    state: DecisionState
    answer: DecisionAnswer | None = None
    decision: DecisionAnswer | None = None


_decode_prediction = msgspec.json.Decoder(Prediction).decode

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError)
"""What is raised by a message that is no prediction: malformed, not UTF-8, nested too deeply, or empty."""


def decode_prediction(value: bytes | None) -> Prediction:
    """A prediction's content.

    Raises:
        msgspec.DecodeError: it cannot be read; so do the others of `UNREADABLE`.
    """
    return _decode_prediction(value)  # type: ignore[arg-type]


def decided_answer(value: bytes) -> DecisionAnswer:
    """The answer of an encoded prediction."""
    found = _decode_prediction(value)
    return DecisionAnswer(
        transaction_id=found.transaction_id,
        card_id=found.card_id,
        status="decided",
        outcome=found.decision,
        probability=found.score,
        reasons=found.reasons,
        decided_by=found.decided_by,
        rules=found.rules,
        lists=found.lists,
        segment=found.segment,
        policy=found.policy,
        policy_digest=found.policy_digest,
        model_name=found.model_name,
        model_version=found.model_version,
        model_digest=found.model_digest,
        scored_at=found.scored_at,
    )
