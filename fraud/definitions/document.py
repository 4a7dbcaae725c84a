"""The definitions file as it is written; `fraud.definitions.loading` makes `Definitions` of it."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,62}$")]
Window = Annotated[str, Field(pattern="^[1-9][0-9]{0,4}(m|h|d)$", examples=["10m", "24h", "30d"])]
Scalar = bool | int | float | str


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FieldPart(_Part):
    """A field of the message."""

    type: Literal["id", "category", "money", "currency", "time", "number", "fixed", "boolean", "place"]
    path: str | None = Field(default=None, description="where it is, `device.fingerprint`; default: its name")
    optional: bool = False
    currency: str | None = Field(default=None, description="of money: the field with the currency")
    min_length: int | None = Field(default=None, ge=0)
    max_length: int | None = Field(default=None, ge=1, le=64)
    at_least: float | None = None
    at_most: float | None = None
    scale: int = Field(default=0, ge=0, le=9, description="of fixed: decimals")
    columns: str | list[str] | None = Field(
        default=None, description="several of the same type: `V1..V28`, or names; of a place its two numbers"
    )


class ConditionPart(_Part):
    """What a payment's field must hold."""

    at_least: float | None = None
    at_most: float | None = None
    one_of: list[str] | None = None


class FeaturePart(_Part):
    """A feature: one of `transform`, `aggregate`, `divide`, `subtract` and `profile` says of what kind."""

    name: Name
    text: str | None = None
    transform: Literal["value", "hour", "weekday", "is_night", "is_weekend"] | None = None
    aggregate: (
        Literal[
            "count", "sum", "mean", "min", "max", "std", "distinct", "share", "seconds_since_last",
            "seconds_since_first", "is_new", "ratio", "zscore", "speed", "count_above_mean",
        ]
        | None
    ) = None  # fmt: skip
    divide: tuple[str, str] | None = Field(default=None, description="two features")
    subtract: tuple[str, str] | None = Field(
        default=None, description="two features; the second from the first"
    )
    profile: str | None = Field(default=None, description="the id whose profile it comes from")
    value: Literal["count", "fraud_rate", "amount_ratio", "amount_zscore"] | None = None
    entity: str | None = None
    of: str | None = None
    where: dict[str, ConditionPart | Literal["same"] | bool | str] = Field(default_factory=dict)
    window: Window | None = None
    zone: str | None = None
    last: int | None = Field(default=None, ge=1, le=1_000)
    factor: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        kinds = (self.transform, self.aggregate, self.divide, self.subtract, self.profile)
        if sum(one is not None for one in kinds) != 1:
            raise ValueError("a feature has one of transform, aggregate, divide, subtract and profile")
        return self


class EntityPart(_Part):
    """Whose payments are remembered."""

    key: str


class DefinitionsDocument(_Part):
    """The whole file."""

    version: Literal[1]
    fields: dict[str, FieldPart]
    entities: dict[str, EntityPart]
    features: list[FeaturePart] = Field(min_length=1)
