"""Names that answers had in earlier versions and still carry, for programs that read them."""

from typing import Any

_FIELDS = {"category": "merchant_category", "channel": "channel"}
"""Of alerts and payments, and the declared fields that they were."""


def with_former_names(answer: dict[str, Any]) -> dict[str, Any]:
    """An alert, a payment or a review that also has `verdict`, `campaign`, `category` and `channel`."""
    former: dict[str, Any] = {}
    if "outcome" in answer:
        former["verdict"] = answer["outcome"]
    if "fraud_type" in answer:
        former["campaign"] = answer["fraud_type"]
    if "fields" in answer:
        former |= {name: answer["fields"].get(field) for name, field in _FIELDS.items()}
    return answer | former
