"""What is simulated: a scenario file, validated.

A file may say `extends: NAME` and then names only what it changes. Money in a scenario is in euros;
a currency's `per_euro` turns it into the card's own.

The scenarios of the package have a version, a folder of `scenarios/`: what a version makes never changes, so
that what was measured on it can be measured again. A name without a version is of the `CURRENT` one.
"""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fraud.errors import ConfigurationError

CURRENT = "v1"
_FOLDER = files("producer") / "scenarios"

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class _ScenarioModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Currency(_ScenarioModel):
    """A currency and what a euro is worth in it."""

    code: str = Field(pattern="^[A-Z]{3}$")
    per_euro: Positive


class City(_ScenarioModel):
    """A city where cards live and merchants sell."""

    name: str
    country: str = Field(pattern="^[A-Z]{2}$")
    currency: str
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    utc_offset: float = Field(ge=-12, le=14)
    weight: Positive


class MerchantCategory(_ScenarioModel):
    """A kind of merchant: the usual amount, how far it spreads, how often, where and when."""

    name: str = Field(pattern="^[a-z_]+$", max_length=64)
    median: Positive
    spread: Positive = Field(description="standard deviation of the logarithm")
    weight: Positive
    online: Share = 0.0
    hours: str = Field(pattern="^(day|evening|always)$")
    resaleable: bool = Field(default=False, description="what thieves buy")


class Season(_ScenarioModel):
    """Weeks of the year when payment habits differ; days are month-day, inclusive."""

    first: str = Field(pattern=r"^\d{2}-\d{2}$")
    last: str = Field(pattern=r"^\d{2}-\d{2}$")
    activity: Positive = 1.0
    gifts: Positive = 1.0
    travel: Positive = 1.0

    def contains(self, month_day: str) -> bool:
        """Whether the day lies within; a season may span New Year."""
        if self.first <= self.last:
            return self.first <= month_day <= self.last
        return month_day >= self.first or month_day <= self.last


class CardholderHabits(_ScenarioModel):
    """How card holders pay."""

    payments_per_day: Positive
    activity_spread: Positive = Field(description="of the logarithm of a card's own rate")
    level_spread: Positive = Field(description="of the logarithm of a card's own amounts")
    amount_level: Positive = 1.0
    favourites: int = Field(ge=1, le=50)
    explore: Share = Field(description="payments at other than a favourite merchant")
    online: Share = Field(description="of the explored merchants")
    errands: Share = Field(description="payments in shops that follow another within the hour")
    trips_per_month: Share
    trip_days: Positive
    sprees_per_month: NotNegative = Field(description="days of many large purchases")
    spree_size: Positive = Field(description="amounts against the usual")
    games_per_month: NotNegative = Field(description="bursts of tiny online payments")
    tickets_per_month: NotNegative = Field(description="tiny online payments at new merchants")
    subscriptions: NotNegative = Field(description="of a card: online, every two weeks")
    salary_effect: NotNegative = Field(description="additional activity in the days after the salary")


class CampaignSettings(_ScenarioModel):
    """What all campaigns have: how often they start, how bold they are."""

    starts_per_day: NotNegative = Field(description="per 10,000 cards")
    boldness: Positive = Field(description="median amount against the usual one")
    quiet: Share = Field(description="how many stay close to the usual")


class CardTesting(CampaignSettings):
    """Stolen card numbers are tried with tiny payments; those that work are used."""

    cards: int = Field(ge=1)
    hours: Positive
    used: Share = Field(description="of the tested cards")


class AccountTakeover(CampaignSettings):
    """A thief shops online with somebody's account."""

    payments: Positive
    hours: Positive


class MerchantCollusion(CampaignSettings):
    """A merchant charges stolen cards for weeks."""

    days: Positive
    payments_per_day: Positive


class GeographicAnomaly(CampaignSettings):
    """A cloned card pays far away while its owner pays at home."""

    payments: Positive
    hours: Positive


class Campaigns(_ScenarioModel):
    """All the fraud there is."""

    card_testing: CardTesting
    account_takeover: AccountTakeover
    merchant_collusion: MerchantCollusion
    geographic_anomaly: GeographicAnomaly


class Labels(_ScenarioModel):
    """How the truth becomes known."""

    median_days: Positive
    tail: Positive = Field(description="standard deviation of the logarithm of the delay")
    never: Share = Field(description="frauds that nobody reports")
    wrong: Share = Field(description="of the reports: legitimate payments that were disputed")
    corrected: Share = Field(description="of the wrong reports, weeks later")


class Analysts(_ScenarioModel):
    """Analysts who review suspicious payments within hours."""

    reviews: NotNegative = Field(description="per 10,000 payments")
    found: Share = Field(description="of the reviewed, those that are fraud where there is enough of it")
    accuracy: Share
    median_hours: Positive


class MerchantTurnover(_ScenarioModel):
    """How merchants close, and others open in their place."""

    median_days: Positive = Field(description="that a merchant is open")
    spread: NotNegative = Field(description="standard deviation of the logarithm of these days")
    vacant_days: Positive = Field(description="mean, until another one opens")
    known_after_days: Positive = Field(description="mean, until a card holder has the habit of a new one")


class ThiefReactions(_ScenarioModel):
    """What a plain rule of the issuer declines, and what thieves make of it."""

    declined_above: Positive = Field(description="amounts against the card's usual one")
    declined_per_hour: int = Field(ge=1, description="payments of a card, beyond which it declines")
    lowered: Positive = Field(le=1, description="amounts after a decline, against those before")
    pause_hours: Positive = Field(description="mean, after a decline")
    gives_up: int = Field(ge=1, description="declines after which a thief leaves a card")
    way_days: int = Field(ge=1, description="how long a way of working lasts")
    way_spread: NotNegative = Field(description="of the logarithms of its amounts and pauses")


class BlockSettings(_ScenarioModel):
    """How the issuer blocks a card of which fraud was reported, and replaces it."""

    asked: Share = Field(description="of the declined frauds, those after which the holder is asked")
    median_minutes: Positive = Field(description="until the holder answers")
    replaced_days: Positive = Field(description="mean, until the new card is there")


class Transport(_ScenarioModel):
    """What happens between the terminal and the topic."""

    late: Share
    late_minutes: Positive = Field(description="median")
    out_of_order: Share
    duplicated: Share


class Phase(_ScenarioModel):
    """A change of habits or fraud from a day of the history on."""

    after_days: int = Field(ge=1)
    changes: dict[str, Any]

    @model_validator(mode="after")
    def _only_what_may_change(self) -> Self:
        fixed = sorted(set(self.changes) - {"life", "campaigns", "labels", "analysts", "transport"})
        if fixed:
            raise ValueError(f"a phase cannot change {', '.join(fixed)}")
        return self


class SimulationScenario(_ScenarioModel):
    """A world to simulate."""

    cards: int = Field(ge=1, le=10_000_000)
    merchants: int = Field(ge=50, le=1_000_000)
    days: int = Field(ge=1, le=3_650, description="length of the history")
    card_lifetime_days: int = Field(ge=30, description="then the bank issues a new one to the same person")
    currencies: tuple[Currency, ...] = Field(min_length=1)
    places: tuple[City, ...] = Field(min_length=2)
    categories: tuple[MerchantCategory, ...] = Field(min_length=2)
    seasons: tuple[Season, ...] = ()
    life: CardholderHabits
    campaigns: Campaigns
    labels: Labels
    analysts: Analysts
    transport: Transport
    phases: tuple[Phase, ...] = ()
    turnover: MerchantTurnover | None = Field(default=None, description="None: merchants are always open")
    thieves: ThiefReactions | None = Field(default=None, description="None: thieves do not react")
    blocks: BlockSettings | None = Field(default=None, description="None: no card is blocked")

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        known = {currency.code for currency in self.currencies}
        for place in self.places:
            if place.currency not in known:
                raise ValueError(f"{place.name} pays in {place.currency}, which is not among the currencies")
        if len({place.country for place in self.places}) < 2:
            raise ValueError("places must lie in two countries at least")
        if {category.resaleable for category in self.categories if category.online} != {True, False}:
            raise ValueError("of the categories sold online, some must be resaleable and some not")
        for phase in self.phases:
            self._changed(phase)
        return self

    def after(self, days: int) -> "SimulationScenario":
        """The scenario as it is so many days after the history's beginning."""
        scenario = self
        for phase in self.phases:
            if days >= phase.after_days:
                scenario = scenario._changed(phase)
        return scenario

    def _changed(self, phase: Phase) -> "SimulationScenario":
        base = self.model_dump()
        base["phases"] = ()
        return SimulationScenario.model_validate(_laid_over(base, phase.changes)).model_copy(
            update={"phases": self.phases}
        )


def scenario_names(version: str = CURRENT) -> list[str]:
    """The scenarios that come with the package, of one version."""
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in _FOLDER.joinpath(version).iterdir()
        if entry.name.endswith(".yaml")
    )


def scenario_versions() -> list[str]:
    """The versions of the scenarios, each frozen once another one follows it."""
    return sorted(entry.name for entry in _FOLDER.iterdir() if entry.is_dir())


def load_scenario(name: str, **overrides: Any) -> SimulationScenario:
    """Load a scenario by name (`small`, `v1/small`) or from a file; `overrides` that are None are ignored.

    Raises:
        ConfigurationError: there is no such scenario, it cannot be read, or a value is wrong.
    """
    content = _read(name, seen=())
    content |= {key: value for key, value in overrides.items() if value is not None}
    try:
        return SimulationScenario.model_validate(content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in fault["loc"]) or "the whole"
        raise ConfigurationError(f"scenario {name}: {where}: {fault['msg']}") from None


def _read(name: str, seen: tuple[str, ...]) -> dict[str, Any]:
    name = _with_version(name, CURRENT)
    if name in seen:
        raise ConfigurationError(f"scenario {name} extends itself")
    content = _parse(name, _text(name))
    base = content.pop("extends", None)
    if base is None:
        return content
    # A scenario of a version stays in it.
    version = name.split("/")[0] if name in _packaged() else CURRENT
    laid: dict[str, Any] = _laid_over(_read(_with_version(str(base), version), (*seen, name)), content)
    return laid


def _with_version(name: str, version: str) -> str:
    versioned = f"{version}/{name}"
    return versioned if versioned in _packaged() else name


def _packaged() -> set[str]:
    return {f"{version}/{name}" for version in scenario_versions() for name in scenario_names(version)}


def _text(name: str) -> str:
    try:
        if name in _packaged():
            return _FOLDER.joinpath(f"{name}.yaml").read_text("utf-8")
        return Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(scenario_names())
        raise ConfigurationError(
            f"scenario {name!r} is neither a readable file nor one of {known} ({type(error).__name__})"
        ) from None


def _parse(name: str, text: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise ConfigurationError(f"scenario {name} is not YAML{line}") from None
    if not isinstance(content, dict):
        raise ConfigurationError(f"scenario {name} must be a mapping of names to values")
    return content


def _laid_over(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return below | {key: _laid_over(below.get(key), value) for key, value in above.items()}
    return above
