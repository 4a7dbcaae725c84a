"""What is wrong with how definitions separate refunds from payments."""

from collections.abc import Iterator

from fraud.definitions.checks.condition_check import condition_complaints
from fraud.definitions.checks.field_check import KnownFields, require_field, type_of
from fraud.definitions.checks.problems import Path, Problems
from fraud.definitions.document import ConditionPart, DefinitionsDocument, FeaturePart, FieldPart
from fraud.definitions.fields import FieldType


def check_refunds(
    document: DefinitionsDocument, paths: list[Path], known: KnownFields, problems: Problems
) -> None:
    """Note a field of kinds that cannot be, and features that ask for refunds where there are none.

    Args:
        document: with fields and features.
        paths: where each feature is in the file.
        known: the fields.
        problems: takes what is found.
    """
    for name, part in document.fields.items():
        if isinstance(part.refunds, dict):
            _check_kinds(name, part, part.refunds, known, problems)
    amount = document.fields.get("amount")
    for feature, path in zip(document.features, paths, strict=True):
        for sentence in _complaints(feature, bool(amount and amount.refunds)):
            problems.add((*path, "refunds"), f"feature {feature.name}: {sentence}")


def _check_kinds(
    name: str, part: FieldPart, kinds: dict[str, list[str]], known: KnownFields, problems: Problems
) -> None:
    at: Path = ("fields", name, "refunds")
    if name != "amount" or len(kinds) != 1:
        problems.add(
            at, f"field {name}: kinds are named by one field, and of amount alone; write true or false"
        )
        return
    ((kind, values),) = kinds.items()
    found = require_field(kind, known, at, f"field {name}", problems)
    if kind in known.places or (found is not None and found.type is not FieldType.CATEGORY):
        what = type_of(found) if found is not None else f"{kind}, a place"
        problems.add(at, f"field {name}: refunds are named by a category, not by {what}")
    elif not values:
        problems.add(
            at, f"field {name}: no value of {kind} is given; list them: {{{kind}: [refund, reversal]}}"
        )
    elif found is not None:
        for sentence in condition_complaints(found, ConditionPart(one_of=values)):
            problems.add(at, f"field {name}: {sentence}")


def _complaints(feature: FeaturePart, has_refunds: bool) -> Iterator[str]:
    if feature.refunds is None:
        return
    if feature.aggregate is None:
        yield "refunds does not fit what is no aggregate; remove it"
    elif not has_refunds:
        yield "the definitions have no refunds; remove it, or add refunds: true to the field amount"
