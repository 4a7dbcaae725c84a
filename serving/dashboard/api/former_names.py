"""Names that answers had in earlier versions and still carry, for programs that read them."""

from typing import Any


def with_former_names(fields: dict[str, Any]) -> dict[str, Any]:
    """An alert or a review that also has `verdict` and `campaign`."""
    former = {"verdict": fields["outcome"]}
    if "fraud_type" in fields:
        former["campaign"] = fields["fraud_type"]
    return fields | former
