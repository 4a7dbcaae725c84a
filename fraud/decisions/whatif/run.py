"""A what-if from the logged predictions, the lake and the lists."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.decisions.deciding import PolicyDecider
from fraud.decisions.inputs import DecisionInputs
from fraud.decisions.list_index import ListIndex
from fraud.decisions.policy import Policy
from fraud.decisions.predicates.names import Source, payment_names
from fraud.decisions.predicates.parsing import parse_predicate
from fraud.decisions.whatif.comparison import LivePolicy, compare_policies
from fraud.decisions.whatif.history import ScoredHistory
from fraud.decisions.whatif.labels import know_labels
from fraud.decisions.whatif.logged import read_decisions
from fraud.decisions.whatif.parts import DecidedAgain, bands_alone
from fraud.decisions.whatif.payments import ScoredPayments, read_scored_payments
from fraud.decisions.whatif.result import LeftOutPayments, WhatIfResult
from fraud.decisions.whatif.stored_features import StoredFeatures, find_stored_features
from fraud.decisions.whatif.stored_texts import StoredColumns
from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import UNKNOWN, FieldType
from fraud.features.events import amounts_of, encode_table
from fraud.ingest.commits import day_of
from fraud.labels.lake import read_labels, read_maturity
from fraud.lake import Lake, open_lake
from fraud.money.currencies import minor_digits
from fraud.money.lake_rates import load_lake_rates
from fraud.preprocess.plan import DAY
from fraud.settings import Settings
from fraud.training.dataset import card_codes


@dataclass(frozen=True)
class WhatIfInputs:
    """Scored payments as policies decide them, with what is known of them.

    Attributes:
        inputs: of decisions, N payments.
        history: of the same payments.
        left_out: what they lack.
    """

    inputs: DecisionInputs
    history: ScoredHistory
    left_out: LeftOutPayments


@dataclass(frozen=True)
class NamedValues:
    """The fields and features that policies read, in the order of the definitions."""

    fields: tuple[str, ...]
    features: tuple[str, ...]


def what_if(
    settings: Settings, policy: Policy, live: Policy, lists: ListIndex, *, days: int, now_ms: int
) -> WhatIfResult:
    """What a policy would have done with the payments that were scored in the last days.

    Args:
        settings: of Kafka, the lake and the definitions.
        policy: the candidate.
        live: the policy that it is compared with.
        lists: entries of lists.
        days: until the newest payment.
        now_ms: until when predictions are read.

    Raises:
        UnreachableError: Kafka does not answer, or there is no topic of predictions.
        DataError: there are no predictions, or the lake does not have their payments.
    """
    prepared = load_inputs(settings, named_values(settings.loaded_definitions, (policy, live)), days, now_ms)
    return decide_again(settings.loaded_definitions, prepared, policy, live, lists)


def decide_again(
    definitions: Definitions, prepared: WhatIfInputs, policy: Policy, live: Policy, lists: ListIndex
) -> WhatIfResult:
    """Decide the payments by both policies and compare them."""
    hashed = with_hashed_categories(definitions)

    def decider(one: Policy) -> PolicyDecider:
        return PolicyDecider(hashed, one, lists)

    inputs = prepared.inputs
    candidate = DecidedAgain(
        policy,
        decider(policy).decide(inputs),
        decider(bands_alone(policy)).decide(inputs).would_be,
    )
    before = LivePolicy(live.name, decider(live).decide(inputs).would_be)
    return compare_policies(prepared.history, candidate, before, prepared.left_out)


def with_hashed_categories(definitions: Definitions) -> Definitions:
    """The definitions with categories as ids, which are compared by 64 bits instead of 16.

    Codes of categories collide, so that a match of many payments has to be confirmed by their texts one by
    one. Stored payments have their texts: with hashes of these there is nothing to confirm.
    """
    fields = (
        replace(one, type=FieldType.ID) if one.type is FieldType.CATEGORY else one
        for one in definitions.fields
    )
    return replace(definitions, fields=tuple(fields))


def named_values(definitions: Definitions, policies: Iterable[Policy]) -> NamedValues:
    """What the policies read of a payment."""
    known, fields, features = payment_names(definitions), set[str](), set[str]()
    for policy in policies:
        fields |= {one.field for one in policy.lists}
        for name in _names_of(definitions, policy):
            one = known[name]
            if one.source is Source.FEATURE:
                features.add(name)
            elif one.source not in (Source.AMOUNT, Source.PROBABILITY):
                fields.add(definitions.fields[one.column].name)
    return NamedValues(
        tuple(name for name in definitions.field_index if name in fields),
        tuple(name for name in definitions.feature_names if name in features),
    )


def _names_of(definitions: Definitions, policy: Policy) -> set[str]:
    lists = {one.name: one for one in policy.lists}
    texts = [rule.when for rule in policy.rules] + [one.when for one in policy.segments if one.when]
    names: set[str] = set()
    return names.union(*(parse_predicate(definitions, text, lists).names for text in texts))


def load_inputs(settings: Settings, named: NamedValues, days: int, now_ms: int) -> WhatIfInputs:
    """The payments that were scored in the last days, with what policies and figures need.

    Raises:
        UnreachableError: Kafka does not answer, or there is no topic of predictions.
        DataError: there are no predictions, or the lake does not have their payments.
    """
    definitions, lake = settings.loaded_definitions, open_lake(settings)
    load_lake_rates(settings)
    read = read_decisions(settings, days, now_ms, settings.monitoring.max_predictions)
    payments = read_scored_payments(definitions, lake, read.decisions, named.fields)
    features = find_stored_features(settings, lake, payments.table, named.features)
    inputs = decision_inputs(definitions, payments, features)
    history = _history(settings, lake, payments, inputs)
    labels = history.labels
    left_out = LeftOutPayments(
        not_scored=payments.not_scored,
        not_in_lake=payments.not_in_lake,
        repeated=read.repeated,
        unreadable=read.unreadable,
        cut=read.cut,
        not_matured=int((~labels.matured).sum()),
        unobserved=int((labels.unobserved & labels.matured).sum()),
        no_amount=int((history.amounts == UNKNOWN).sum()),
        no_features=features.missing,
        computed_features=features.computed,
    )
    return WhatIfInputs(inputs, history, left_out)


def decision_inputs(
    definitions: Definitions, payments: ScoredPayments, features: StoredFeatures
) -> DecisionInputs:
    """Stored payments as policies decide them by the definitions `with_hashed_categories`."""
    return DecisionInputs(
        events=encode_table(with_hashed_categories(definitions), payments.table),
        rows=features.rows,
        probabilities=payments.logged.scores,
        model_threshold=payments.logged.thresholds,
        texts_of=StoredColumns(payments.table, tuple(definitions.field_index)).texts_of,
    )


def _history(
    settings: Settings, lake: Lake, payments: ScoredPayments, inputs: DecisionInputs
) -> ScoredHistory:
    definitions, times = settings.loaded_definitions, payments.logged.timestamps
    maturity = read_maturity(lake, int(times.max()), settings.training.label_delay)
    # The time of a report may be a little before that of its payment.
    reports = read_labels(lake, day_of(int(times.min())) - DAY)
    return ScoredHistory(
        logged=payments.logged,
        labels=know_labels(payments.table, payments.logged, reports, maturity, settings.labels),
        cards=card_codes(payments.table["card_id"]),
        amounts=np.ascontiguousarray(amounts_of(definitions, inputs.events)),
        currency=_currency(definitions, payments.table),
        digits=_digits(definitions, payments.table["currency"].combine_chunks()),
    )


def _digits(definitions: Definitions, paid: pa.Array) -> npt.NDArray[np.int64]:
    """Decimals of the currency of each amount in figures."""
    if definitions.money:
        return np.full(len(paid), minor_digits(definitions.money.code), dtype=np.int64)
    encoded = paid.dictionary_encode()
    digits = np.array([minor_digits(code) for code in encoded.dictionary.to_pylist()], dtype=np.int64)
    return np.asarray(digits[encoded.indices.to_numpy(zero_copy_only=False)], dtype=np.int64)


def _currency(definitions: Definitions, payments: pa.Table) -> str:
    """Of the amounts in figures; empty if there are several and no base."""
    if definitions.money:
        return definitions.money.code
    found = pc.unique(payments["currency"]).to_pylist()
    return str(found[0]) if len(found) == 1 else ""
