"""From indices and euros to identifiers, money and Arrow tables."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.definitions import Definitions
from fraud.definitions.loading import load_definitions
from fraud.errors import ConfigurationError
from fraud.schema import LABEL_ARROW, minor_digits
from producer.label_fields import LABEL_NAMES
from producer.simulator.blocks import CardBlocks
from producer.simulator.campaigns import CAMPAIGN_NAMES
from producer.simulator.draws import DAY_MS, Bools, Ints, Payments
from producer.simulator.labels import SOURCES, SimulatedReports
from producer.simulator.turnover import Turnover
from producer.simulator.world import World
from producer.transaction_schema import transaction_schema

LARGEST_AMOUNT = 20_000.0
"""In euros: what a card's limit allows."""
SMALLEST_AMOUNT = 0.1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_MIDDLE = np.frombuffer(b"ghijklmnopqrstuv", np.uint8)

LABELS = pa.schema([*(LABEL_ARROW.field(name) for name in LABEL_NAMES), pa.field("fraud_type", pa.string())])
"""With the kind of fraud, which is no part of the label: it travels as a header."""

TRUTH = pa.schema(
    [
        pa.field("transaction_id", pa.string(), nullable=False),
        pa.field("is_fraud", pa.bool_(), nullable=False),
        pa.field("fraud_type", pa.string()),
    ]
)


@cache
def simulated_schema() -> pa.Schema:
    """The columns of simulated transactions: the fields of the definitions that are shipped."""
    return transaction_schema(load_definitions())


def require_simulated(definitions: Definitions) -> None:
    """See that payments of these definitions can be simulated; optional fields beyond stay absent.

    Raises:
        ConfigurationError: a field is required that is not simulated, or is simulated as something else.
    """
    made, wanted = load_definitions().field_by_name, transaction_schema(definitions)
    for field in definitions.fields:
        if field.name not in made and not field.is_optional:
            raise ConfigurationError(
                f"payments of {definitions.source} cannot be simulated: the simulator knows no "
                f"{field.name}, which is required there; declare it `optional: true`, or use `fraud replay`"
            )
        if field.name in made and simulated_schema().field(field.name).type != wanted.field(field.name).type:
            raise ConfigurationError(
                f"payments of {definitions.source} cannot be simulated: {field.name} is simulated as "
                f"{made[field.name].type.value}, and is {field.type.value} there; use `fraud replay`"
            )


class Names:
    """A world's identifiers and words as Arrow arrays, by index.

    Attributes:
        turnover: when a place of a merchant has another one; None: never.
        blocks_on: the blocks of cards up to a day; None: there are none.
    """

    def __init__(
        self,
        world: World,
        turnover: Turnover | None = None,
        blocks_on: Callable[[date], CardBlocks | None] = lambda day: None,
    ) -> None:
        self.turnover, self.blocks_on = turnover, blocks_on
        places, categories = world.scenario.places, world.scenario.categories
        self.cards = pa.array([f"card-{index:07d}" for index in range(len(world.cards))])
        self.merchants = pa.array([f"merchant-{index:06d}" for index in range(len(world.merchants))])
        self.categories = pa.array([category.name for category in categories])
        self.countries = pa.array([place.country for place in places])
        self.currencies = pa.array([place.currency for place in places])
        self.channels = pa.array(["pos", "online"])
        per_euro = {currency.code: currency.per_euro for currency in world.scenario.currencies}
        self.minor_per_euro = np.array(
            [per_euro[place.currency] * 10 ** minor_digits(place.currency) for place in places]
        )


def transaction_table(world: World, names: Names, payments: Payments, ids: pa.Array) -> pa.Table:
    """Payments in `simulated_schema`, in their order."""
    merchants, merchant = world.merchants, payments.merchant
    home = world.cards.place[payments.card]
    online = merchants.online[merchant]
    euros = np.clip(payments.amount, SMALLEST_AMOUNT, LARGEST_AMOUNT)
    columns = [
        ids,
        card_ids(world, names, payments),
        merchant_ids(names, payments),
        pa.array(np.rint(euros * names.minor_per_euro[home]).astype(np.int64)),
        names.currencies.take(pa.array(home)),
        pa.array(payments.time),
        names.categories.take(pa.array(merchants.category[merchant])),
        names.channels.take(pa.array(online.astype(np.int8))),
        # Online shops sell through a company in their customer's country.
        names.countries.take(pa.array(np.where(online, home, merchants.place[merchant]))),
        pa.array(merchants.latitude[merchant], mask=online),
        pa.array(merchants.longitude[merchant], mask=online),
    ]
    return pa.Table.from_arrays(columns, schema=simulated_schema())


def card_ids(world: World, names: Names, payments: Payments) -> pa.Array:
    """A person's card has a new identifier every so many days, when the bank issues a new one.

    Where cards are blocked, its number is the day on which it was issued, for whatever reason.
    """
    person = names.cards.take(pa.array(payments.card))
    newest = _EPOCH + timedelta(milliseconds=int(payments.time.max(initial=0)))
    blocks = names.blocks_on(newest.date())
    if blocks is not None:
        return _numbered(person, blocks.issued(payments.card, payments.time))
    day = payments.time // DAY_MS
    generation = (day + world.cards.phase[payments.card]) // world.scenario.card_lifetime_days
    return _numbered(person, generation)


def merchant_ids(names: Names, payments: Payments) -> pa.Array:
    """Where merchants open and close, a new one in the place of another has the next number."""
    merchants = names.merchants.take(pa.array(payments.merchant))
    if names.turnover is None:
        return merchants
    return _numbered(merchants, names.turnover.tenants(payments.merchant, payments.time))


def _numbered(words: pa.Array, numbers: Ints) -> pa.Array:
    return pc.binary_join_element_wise(words, pa.array(numbers).cast(pa.string()), "-")


def label_table(transactions: pa.Table, reports: SimulatedReports, campaign: Ints) -> pa.Table:
    """Reports as labels, in their order; a report of fraud names its kind, if it is of one."""
    rows = pa.array(reports.row)
    kinds = np.where(reports.is_fraud, campaign[reports.row], -1)
    columns = [
        transactions["transaction_id"].take(rows).combine_chunks(),
        transactions["card_id"].take(rows).combine_chunks(),
        pa.array(reports.is_fraud),
        pa.array(reports.reported_at),
        pa.array(SOURCES[reports.source], pa.string()),
        _fraud_types(kinds),
    ]
    return pa.Table.from_arrays(columns, schema=LABELS)


def truth_table(ids: pa.Array, campaign: Ints) -> pa.Table:
    """What really happened; `campaign` is -1 for legitimate payments."""
    fraud: Bools = campaign >= 0
    return pa.Table.from_arrays([ids, pa.array(fraud), _fraud_types(campaign)], schema=TRUTH)


def _fraud_types(campaign: Ints) -> pa.Array:
    none = campaign < 0
    return pa.array(CAMPAIGN_NAMES, pa.string()).take(pa.array(np.where(none, 0, campaign), mask=none))


def transaction_ids(key: int, first: int, count: int) -> pa.Array:
    """Identifiers that reveal nothing: numbers from `first` on, mixed; distinct ones stay distinct.

    A letter is in the middle: of 16 hexadecimal digits, one text in 50,000 would look like a card number.
    """
    numbers = np.arange(count, dtype=np.uint64) + np.uint64(first)
    mixed = _mixed(numbers ^ _mixed(np.array([key], dtype=np.uint64)))
    shifts = np.arange(60, -4, -4, dtype=np.uint64)
    digits: npt.NDArray[np.uint8] = _HEX[(mixed[:, None] >> shifts) & np.uint64(15)]
    digits[:, 8] = _MIDDLE[(mixed >> shifts[8]) & np.uint64(15)]
    offsets = np.arange(count + 1, dtype=np.int32) * 16
    buffers = [pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(digits))]
    return pa.StringArray.from_buffers(count, *buffers)


def _mixed(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014), a bijection."""
    mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
