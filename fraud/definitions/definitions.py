"""Definitions: the fields and features of one file, checked, with what other code derives from them."""

from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from hashlib import blake2b

from fraud.definitions.features import DAY_MS, MINUTE_MS, Feature
from fraud.definitions.fields import Field, FieldType
from fraud.definitions.zones import Zones, zones_of
from fraud.money.base import BaseCurrency
from fraud.money.rate_table import RateTable

V1_TAG = "v1"
"""The tag of the features that came before definitions; folders of the lake and snapshots bear it."""

TAKEN_MS = 30 * DAY_MS
"""For so long, in whole days, a transaction_id is taken (`fraud.native.id_index`)."""

V1_DIGEST = "bc3e4b2d03a7bd4b"


@dataclass(frozen=True)
class Definitions:
    """Fields and features.

    Attributes:
        source: the name of the file, for messages.
        fields: in the order of the columns of `Events.values`.
        features: in the order of the model's columns: those of the kernel, of the merchant's daily profile,
            of profiles.
        money: the base currency of amounts in features; None: they count as they come.
    """

    source: str
    fields: tuple[Field, ...]
    features: tuple[Feature, ...]
    money: BaseCurrency | None = None

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        # They are keys of caches that are read with every batch.
        return hash((self.fields, self.digest))

    @cached_property
    def field_index(self) -> dict[str, int]:
        """The column of each field."""
        return {field.name: index for index, field in enumerate(self.fields)}

    @cached_property
    def field_by_name(self) -> dict[str, Field]:
        """Each field by its name."""
        return {field.name: field for field in self.fields}

    @cached_property
    def money_columns(self) -> tuple[int, ...]:
        """The columns of amounts."""
        return tuple(index for index, field in enumerate(self.fields) if field.type is FieldType.MONEY)

    @property
    def rates(self) -> RateTable | None:
        """The rates in use, None if amounts count as they come."""
        return self.money.rates.table if self.money else None

    def amount_currency(self, paid: str) -> str:
        """The currency of amounts in the features of a payment in the currency `paid`."""
        return self.money.code if self.money else paid

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """The names of all features."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def feature_by_name(self) -> dict[str, Feature]:
        """Each feature by its name."""
        return {feature.name: feature for feature in self.features}

    @cached_property
    def kernel_features(self) -> tuple[Feature, ...]:
        """What the kernel computes, in the order of its output."""
        return tuple(feature for feature in self.features if feature.is_of_kernel)

    @cached_property
    def daily_profile_features(self) -> tuple[Feature, ...]:
        """What the merchant's daily profile yields, behind the columns of the kernel."""
        return tuple(feature for feature in self.features if feature.is_daily_profile)

    @property
    def daily_profile_columns(self) -> slice:
        """The columns of the daily profile's features."""
        start = len(self.kernel_features)
        return slice(start, start + len(self.daily_profile_features))

    @cached_property
    def profile_features(self) -> tuple[Feature, ...]:
        """What profiles of ids and categories yield, behind those of the daily profile."""
        return tuple(feature for feature in self.features if feature.is_profile)

    @property
    def profile_columns(self) -> slice:
        """The columns of the features of profiles."""
        return slice(len(self.features) - len(self.profile_features), len(self.features))

    @cached_property
    def profile_fields(self) -> tuple[str, ...]:
        """The fields that have profiles, in the order of the features."""
        return tuple(dict.fromkeys(feature.of[0] for feature in self.profile_features))

    @cached_property
    def profile_every_ms(self) -> int:
        """How often profiles are made; 0: there are none."""
        return max((feature.every_ms for feature in self.profile_features), default=0)

    @cached_property
    def profile_digest(self) -> str:
        """Identifies the profiles that are made, 16 hex digits; names their topic and folders."""
        return _digest(*sorted({f"{feature.of[0]} {feature.hash}" for feature in self.profile_features}))

    @cached_property
    def longest_window_ms(self) -> int:
        """A card's state is a function of its events within this; older ones are forgotten."""
        return max(MINUTE_MS, *(feature.window_ms for feature in self.kernel_features))

    @cached_property
    def history_ms(self) -> int:
        """How far back in the log the state of a partition reaches: its cards' windows, and the taken ids."""
        return max(self.longest_window_ms, TAKEN_MS)

    @cached_property
    def derived_order(self) -> tuple[int, ...]:
        """The columns among the kernel's of the features that are derived of others, inputs first."""
        column = {feature.name: index for index, feature in enumerate(self.kernel_features)}
        inputs = {one.name: one.of for one in self.kernel_features if one.is_derived}
        return tuple(column[name] for name in TopologicalSorter(inputs).static_order() if name in inputs)

    @cached_property
    def zones(self) -> Zones:
        """Of the calendar features; `Feature.zone` is one of its names, or a field."""
        zones = {one.zone for one in self.features if one.zone}
        countries = zones & self.field_index.keys()
        return zones_of(sorted(zones - countries), by_country=bool(countries))

    @cached_property
    def digest(self) -> str:
        """Identifies the values, order and names of all features, 16 hex digits."""
        base = (self.money.code,) if self.money else ()
        return _digest(*(f"{feature.name} {feature.hash}" for feature in self.features), *base)

    @cached_property
    def state_digest(self) -> str:
        """Identifies what the kernel keeps of a card: a snapshot fits definitions with the same one."""
        fields = (f"{one.name} {one.type.value} {one.path} {one.scale}" for one in self.fields)
        money = (f"{self.money.code} {self.money.max_age_days}",) if self.money else ()
        return _digest(*fields, *(feature.hash for feature in self.kernel_features), *money)

    @cached_property
    def tag(self) -> str:
        """Names the features in the folders of the lake and of snapshots: `v1`, or the digest."""
        return V1_TAG if self.digest == V1_DIGEST else self.digest

    def feature_text(self, name: str) -> str:
        """What an analyst reads for a column; the name itself of a column that is no feature of ours."""
        return self.feature_by_name[name].text if name in self.feature_by_name else name


def _digest(*parts: str) -> str:
    return blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()
