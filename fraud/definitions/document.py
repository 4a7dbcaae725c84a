"""The definitions file as it is written; `fraud.definitions.loading` makes `Definitions` of it."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,62}$")]
Window = Annotated[
    str,
    Field(
        pattern="^[1-9][0-9]{0,5}(m|h|d)$",
        examples=["10m", "24h", "30d"],
        description="minutes, hours or days: from 1m to 90d",
    ),
]
Text = Annotated[str, Field(min_length=1, max_length=120, description="what an analyst reads for it")]
FieldName = Annotated[str, Field(min_length=1)]
FieldTypeName = Literal[
    "id", "category", "money", "currency", "time", "number", "fixed", "boolean", "place"
]  # fmt: skip
Transform = Literal["value", "hour", "weekday", "is_night", "is_weekend"]
Aggregate = Literal[
    "count", "sum", "mean", "min", "max", "std", "distinct", "share", "seconds_since_last",
    "seconds_since_first", "is_new", "ratio", "zscore", "speed", "count_above_mean",
]  # fmt: skip
ProfileValue = Literal[
    "count", "frauds", "fraud_rate", "amount_mean", "amount_std", "amount_ratio", "amount_zscore", "age"
]  # fmt: skip
TOPIC = "topic"
"""Instead of a file: rates come from the topic."""
KINDS = ("transform", "aggregate", "divide", "subtract", "profile", "daily_profile")
"""The keys of which a feature has one."""


class _Part(BaseModel):
    # Strict: the text "1" is no number, and 1 no boolean.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _form_of_refunds(value: Any) -> str:
    return "kinds" if isinstance(value, dict) else "flag"


Refunds = Annotated[
    Annotated[bool, Tag("flag")] | Annotated[dict[Name, list[str]], Tag("kinds")],
    Discriminator(_form_of_refunds),
]
"""Whether an amount may be below 0, or which values of a category mark refunds besides."""


class FieldPart(_Part):
    """A field of the message."""

    type: FieldTypeName
    path: str | None = Field(
        default=None,
        min_length=1,
        description="where it is in the message, `device.fingerprint`; default: its name",
    )
    optional: bool = Field(default=False, description="whether a message may lack it")
    text: Text | None = None
    currency: str | None = Field(default=None, description="of money: the field with its currency")
    min_length: int | None = Field(default=None, ge=0, le=64, description="of an id or a category")
    max_length: int | None = Field(default=None, ge=1, le=64, description="of an id or a category")
    at_least: float | None = Field(default=None, description="of a number or a fixed: its lowest value")
    at_most: float | None = Field(default=None, description="of a number or a fixed: its highest value")
    scale: int | None = Field(default=None, ge=0, le=9, description="of a fixed: its decimals")
    refunds: Refunds | None = Field(
        default=None,
        description="of money: true lets it be below 0, which is a refund; of amount also {kind: [refund, "
        "reversal]}: payments whose field kind has one of these values are refunds, too",
    )
    columns: str | list[str] | None = Field(
        default=None,
        description="several fields of this type, `V1..V28` or a list; of a place its latitude and longitude",
    )


class ConditionPart(_Part):
    """What a payment's field must hold."""

    at_least: float | None = Field(default=None, description="a number or an amount, included")
    at_most: float | None = Field(default=None, description="a number or an amount, included")
    one_of: list[str] | None = Field(default=None, min_length=1, description="texts")


def _form_of(value: Any) -> str:
    return "condition" if isinstance(value, dict | ConditionPart) else "value"


Where = Annotated[
    Annotated[ConditionPart, Tag("condition")] | Annotated[bool | int | float | str, Tag("value")],
    Discriminator(_form_of),
]
"""A condition; a text or a boolean that the field holds; `same`: what the payment being scored holds."""


class FeaturePart(_Part):
    """A feature: one of transform, aggregate, divide, subtract and profile says how it is computed."""

    name: Name
    text: Text | None = None
    transform: Transform | None = Field(default=None, description="of the payment alone")
    aggregate: Aggregate | None = Field(default=None, description="of the card's payments in the window")
    divide: tuple[str, str] | None = Field(default=None, description="two features: the first by the second")
    subtract: tuple[str, str] | None = Field(
        default=None, description="two features: the second from the first"
    )
    profile: FieldName | None = Field(
        default=None,
        description="an id or a category: of what was known of its payments",
    )
    daily_profile: FieldName | None = Field(
        default=None, description="merchant_id: of the merchant's profile as of last midnight (UTC)"
    )
    value: ProfileValue | None = Field(default=None, description="of a profile")
    entity: str | None = Field(
        default=None, description="whose payments an aggregate looks at; default: card"
    )
    of: FieldName | None = Field(default=None, description="the field that it is computed of")
    where: dict[str, Where] = Field(
        default_factory=dict,
        description="which payments count: by field a value, `same`, or at_least, at_most, one_of",
    )
    refunds: Literal["without", "with", "only"] | None = Field(
        default=None, description="of an aggregate: whether refunds count; default: without"
    )
    window: Window | None = None
    zone: str | None = Field(
        default=None,
        description="of a calendar feature: a time zone, or a field with a country's code of two letters; "
        "default: UTC",
    )
    last: int | None = Field(default=None, ge=1, le=1_000, description="of count_above_mean: payments")
    factor: float | None = Field(
        default=None, gt=0, le=1e6, description="of count_above_mean: times the mean"
    )

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            has = f"has {' and '.join(given)}" if given else "has none"
            raise ValueError(f"a feature needs one of {', '.join(KINDS)}, and {has}")
        return self


class EntityPart(_Part):
    """Whose payments are remembered."""

    key: str = Field(description="the field that identifies it: card_id")


class ProfilesPart(_Part):
    """How profiles are made."""

    every: Window = Field(default="15m", description="how often: 5m to 1d, a part of a day")


class MoneyPart(_Part):
    """The currency in which amounts of several currencies are added up and compared."""

    base: str = Field(description="its code, EUR")
    rates: str = Field(
        min_length=1,
        description="a CSV file with the columns date, currency, rate: what one unit of the base costs; its "
        "path is relative to the folder of this file; or the word topic: from Kafka",
    )
    max_age: str = Field(
        default="7d",
        pattern="^[1-9][0-9]?d$",
        description="days: how long before a payment's day its rate may be dated",
    )


class DefinitionsDocument(_Part):
    """What a payment is, and what is computed of it."""

    version: Literal[1]
    money: MoneyPart | None = Field(default=None, description="without it, amounts count as they come")
    fields: dict[Name, FieldPart] = Field(description="what is read of a message, by name")
    entities: dict[Name, EntityPart] = Field(
        default_factory=lambda: {"card": EntityPart(key="card_id")},
        description="whose payments are remembered",
    )
    profiles: ProfilesPart = Field(default_factory=ProfilesPart, description="of ids and categories")
    features: list[FeaturePart] = Field(min_length=1, description="the columns of the model, in their order")
