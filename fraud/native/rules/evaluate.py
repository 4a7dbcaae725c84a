"""Programs over payments, in blocks: an operation works on a block of one register."""

import numpy as np

from fraud.native.jit import compiled, inlined
from fraud.native.rules.arithmetic import calculate, choose
from fraud.native.rules.comparisons import compare
from fraud.native.rules.fields import examine
from fraud.native.rules.loads import load
from fraud.native.rules.logic import combine
from fraud.native.rules.program import (
    BLOCK,
    FAILED,
    LAST_ARITHMETIC,
    LAST_COMPARISON,
    LAST_LOAD,
    LAST_NUMBER,
    LAST_OF_FIELDS,
    TRUE,
    Code,
)

RESULT = int(Code.RESULT)
_EITHER = np.uint8(TRUE | FAILED)
_NONE, _ONE = np.uint8(0), np.uint8(1)


@compiled
def evaluate_program(program, payments, lists, registers, results):  # type: ignore[no-untyped-def]
    """Fill `results`; returns how many of them are unsure.

    Args:
        program: `Program`.
        payments: `PaymentArrays`.
        lists: `ListArrays`.
        registers: `Registers` that the program needs.
        results: `Results`.
    """
    unsure = 0
    for start in range(0, len(payments.probabilities), BLOCK):
        size = min(BLOCK, len(payments.probabilities) - start)
        for row in range(size):
            registers.doubts[row] = _NONE
        for number in range(len(program.operations)):
            unsure += _operate(number, program, payments, lists, registers, results, start, size)
    return unsure


@inlined
def _operate(number, program, payments, lists, registers, results, start, size):  # type: ignore[no-untyped-def]
    operation = program.operations[number]
    code, out, a, b, c = operation[0], operation[1], operation[2], operation[3], operation[4]
    numbers, truths = registers.numbers, registers.truths
    if code <= LAST_LOAD:
        load(code, out, a, b, program, payments, numbers, start, size)
    elif code <= LAST_ARITHMETIC:
        calculate(code, numbers[out], numbers[a], numbers[b], size)
    elif code <= LAST_NUMBER:
        choose(code, numbers[out], a, b, c, registers, size)
    elif code <= LAST_COMPARISON:
        compare(code, truths[out], a, b, c, program.literals, numbers, size)
    elif code <= LAST_OF_FIELDS:
        examine(code, truths[out], a, b, c, operation[5], program, payments, lists, start, size)
    elif code == RESULT:
        return _write_result(out, truths[a], registers.doubts, results, start, size)
    else:
        combine(code, truths[out], truths[a], size)
    return 0


@inlined
def _write_result(column, truths, doubts, results, start, size):  # type: ignore[no-untyped-def]
    """Results of a predicate; whether it is false or unknown makes no difference."""
    # Views, as an index that numba cannot see to be positive keeps a loop from being vectorised.
    fired, failed = results.fired[column, start:], results.failed[column, start:]
    unsure = results.unsure[column, start:]
    for row in range(size):
        fired[row], failed[row] = truths[row] == TRUE, truths[row] == FAILED
    count = 0
    for row in range(size):
        truth = truths[row]
        is_one = (truth & (truth - _ONE)) == 0
        unsure[row] = (doubts[row] != 0) | (not is_one and (truth & _EITHER) != 0)
        count += unsure[row]
    for row in range(size):
        doubts[row] = _NONE
    return count
