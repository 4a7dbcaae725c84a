"""From the rules that are true, and the lists that have a payment, to its outcome, compiled.

`fraud.decisions.reference` is the readable form.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fraud.native.jit import compiled, inlined

NO_BOUND, MODEL_BOUND = np.inf, -1.0
"""In `BandTable.lowers`: an outcome without a band, and a band from the model's threshold on."""

BY_BANDS = -1
APPROVE = 0

RULE = np.dtype(
    [
        ("column", np.int64),  # of its predicate; -1: it is off
        ("outcome", np.uint8),
        ("is_live", np.bool_),
        ("salt", np.uint64),
        ("limit", np.uint64),  # of the cards for which it is live (`fraud.decisions.shares`)
        ("expires", np.int64),  # ms
    ],
    align=True,
)


class BandTable(NamedTuple):
    """The bands of S segments.

    Attributes:
        columns: of the predicates, int64 (S,); -1: all payments.
        lowers: the bounds of challenge, review and decline, float64 (S + 1, 3); the last row is for payments
            whose expected cost is unknown.
        reached: of bounds of the expected cost the columns of the predicates which say that they are reached,
            int64 (S + 1, 3); -1: the bound is of the probability.
        on_cost: whether the bounds are of the expected cost, bool (S,).
        unknown: the column of the predicate which says that the expected cost is unknown; -1: no segment
            asks for it.
    """

    columns: npt.NDArray[np.int64]
    lowers: npt.NDArray[np.float64]
    reached: npt.NDArray[np.int64]
    on_cost: npt.NDArray[np.bool_]
    unknown: np.int64


class Facts(NamedTuple):
    """What is known of n payments.

    Attributes:
        cards: hashes, uint64 (n,).
        transactions: likewise.
        timestamps: ms, int64 (n,).
        probabilities: float64 (n,).
        thresholds: of the model, float64 (n,).
        truths: of predicates, bool (P, n), as `Results` has them.
        failures: likewise.
        hits: bool (L, n).
    """

    cards: npt.NDArray[np.uint64]
    transactions: npt.NDArray[np.uint64]
    timestamps: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]
    thresholds: npt.NDArray[np.float64]
    truths: npt.NDArray[np.bool_]
    failures: npt.NDArray[np.bool_]
    hits: npt.NDArray[np.bool_]


class Shares(NamedTuple):
    """Salts and limits of the control group and of samples (`fraud.decisions.shares`)."""

    control_salt: np.uint64
    control_limit: np.uint64
    sample_salt: np.uint64
    sample_limit: np.uint64


class Output(NamedTuple):
    """What is written; as `fraud.decisions.decided.Decided` has it."""

    outcomes: npt.NDArray[np.uint8]
    segments: npt.NDArray[np.uint8]
    fired: npt.NDArray[np.bool_]
    shadow_fired: npt.NDArray[np.bool_]
    failed: npt.NDArray[np.bool_]
    decided_by: npt.NDArray[np.int16]
    control: npt.NDArray[np.bool_]
    would_be: npt.NDArray[np.uint8]
    sampled: npt.NDArray[np.bool_]


N_OUTCOMES = 4
"""As many as `fraud.decisions.outcomes.OUTCOMES`, which this lower package does not import."""

FIRED, SHADOW_FIRED, FAILED, ON_LIST, CONTROL, SAMPLED, NOT_BY_BANDS = range(N_OUTCOMES, N_OUTCOMES + 7)
"""In a tally, after the outcomes."""

N_TALLIES = NOT_BY_BANDS + 1


@compiled
def tally(output: Output, list_hits: npt.NDArray[np.bool_], counts: npt.NDArray[np.int64]) -> None:
    """Count the payments of each outcome, and what is set in the other columns.

    Args:
        output: of n payments.
        list_hits: bool (n, L).
        counts: int64 (`N_TALLIES`,), all 0; written.
    """
    not_by_bands = 0
    for row in range(len(output.outcomes)):
        counts[output.outcomes[row]] += 1
        not_by_bands += output.decided_by[row] != BY_BANDS
    counts[NOT_BY_BANDS] = not_by_bands
    counts[FIRED], counts[SHADOW_FIRED] = _set_in(output.fired), _set_in(output.shadow_fired)
    counts[FAILED], counts[ON_LIST] = _set_in(output.failed), _set_in(list_hits)
    counts[CONTROL], counts[SAMPLED] = _set_in(output.control), _set_in(output.sampled)


@inlined
def _set_in(flags: npt.NDArray[np.bool_]) -> int:
    """How many are set."""
    found = 0
    for flag in flags.flat:
        if flag:
            found += 1
    return found


@compiled
def decide_all(
    facts: Facts,
    list_outcomes: npt.NDArray[np.int16],
    rules: Any,
    bands: BandTable,
    shares: Shares,
    output: Output,
) -> None:
    """Decide n payments.

    Args:
        facts: of them.
        list_outcomes: int16 (L,); -1: only rules use the list.
        rules: by priority, `RULE` (R,).
        bands: of the segments.
        shares: of cards and payments.
        output: written; all False and 0 before.
    """
    for row in range(len(facts.cards)):
        segment = _segment(facts, bands, row)
        outcome = _band(facts, bands, segment, row)
        by_list, by_rule = _first_list(facts, list_outcomes, row), _note_rules(facts, rules, output, row)
        decided_by = BY_BANDS
        if by_list >= 0:
            outcome, decided_by = np.int64(list_outcomes[by_list]), by_list
        elif by_rule >= 0:
            outcome, decided_by = np.int64(rules[by_rule]["outcome"]), len(list_outcomes) + by_rule
        is_control = by_list < 0 and _is_in_share(facts.cards[row], shares.control_salt, shares.control_limit)
        final = APPROVE if is_control else outcome
        output.segments[row], output.decided_by[row] = segment, decided_by
        output.would_be[row], output.control[row], output.outcomes[row] = outcome, is_control, final
        output.sampled[row] = final == APPROVE and _is_in_share(
            facts.transactions[row], shares.sample_salt, shares.sample_limit
        )


@inlined
def _segment(facts: Facts, bands: BandTable, row: int) -> int:
    for segment in range(len(bands.columns)):
        column = bands.columns[segment]
        if column < 0 or facts.truths[column, row]:
            return segment
    return len(bands.columns) - 1


@inlined
def _band(facts: Facts, bands: BandTable, segment: int, row: int) -> int:
    """The outcome of the band with the highest bound that is reached; of equal bounds the severest."""
    line, outcome, highest = segment, APPROVE, -np.inf
    if bands.on_cost[segment] and facts.truths[bands.unknown, row]:
        line = len(bands.columns)
    for index in range(bands.lowers.shape[1]):
        lower, column = bands.lowers[line, index], bands.reached[line, index]
        if lower == MODEL_BOUND:
            lower = facts.thresholds[row]
        is_reached = facts.truths[column, row] if column >= 0 else lower <= facts.probabilities[row]
        if is_reached and highest <= lower:
            outcome, highest = index + 1, lower
    return outcome


@inlined
def _first_list(facts: Facts, list_outcomes: npt.NDArray[np.int16], row: int) -> int:
    for index in range(len(list_outcomes)):
        if list_outcomes[index] >= 0 and facts.hits[index, row]:
            return index
    return -1


@inlined
def _note_rules(facts: Facts, rules: Any, output: Output, row: int) -> int:
    """Note the rules that fired and failed; the first live one, -1 for none."""
    first = -1
    for index in range(len(rules)):
        rule = rules[index]
        if rule["column"] < 0 or facts.timestamps[row] >= rule["expires"]:
            continue
        output.failed[row, index] = facts.failures[rule["column"], row]
        if facts.truths[rule["column"], row]:
            is_live = rule["is_live"] and _is_in_share(facts.cards[row], rule["salt"], rule["limit"])
            output.fired[row, index], output.shadow_fired[row, index] = is_live, not is_live
            if is_live and first < 0:
                first = index
    return first


@inlined
def _is_in_share(identifier: np.uint64, salt: np.uint64, limit: np.uint64) -> np.bool_:
    mixed = identifier ^ salt
    mixed = (mixed ^ mixed >> np.uint64(30)) * np.uint64(0xBF58_476D_1CE4_E5B9)
    mixed = (mixed ^ mixed >> np.uint64(27)) * np.uint64(0x94D0_49BB_1331_11EB)
    return (mixed ^ mixed >> np.uint64(31)) >> np.uint64(11) < limit
