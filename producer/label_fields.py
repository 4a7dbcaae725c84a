"""The fields of labels; they are the same whatever the definitions say of payments."""

from fraud.definitions.fields import Field, FieldType
from fraud.schema import LabelSource

IS_FRAUD = "is_fraud"
LABEL_SOURCES: tuple[str, ...] = LabelSource.__args__  # type: ignore[attr-defined]
LABEL_FIELDS = (
    Field("transaction_id", FieldType.ID, ("transaction_id",), min_length=1),
    Field("card_id", FieldType.ID, ("card_id",), is_optional=True, min_length=1),
    Field(IS_FRAUD, FieldType.BOOLEAN, (IS_FRAUD,)),
    Field("reported_at", FieldType.TIME, ("reported_at",), is_optional=True),
    Field("source", FieldType.CATEGORY, ("source",), is_optional=True),
)
"""What a file may leave out (card, time, source) is taken from the transaction."""

LABEL_NAMES = tuple(field.name for field in LABEL_FIELDS)
