"""`make fuzz`: at least a million messages, with bounds checked in compiled code."""

import argparse
import sys
import time

from tests.fuzz.run import DifferenceError, fuzz

_STRIDE = 50_000


def main() -> int:
    """Fuzz until so many messages have been read; returns the exit code."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000, help="how many to read at least")
    parser.add_argument("--seed", type=int, default=time.time_ns(), help="of the first stride; printed")
    wanted = parser.parse_args()
    total = None
    for number in range(-(-wanted.messages // _STRIDE)):
        seed = wanted.seed + number
        try:
            figures = fuzz(min(_STRIDE, wanted.messages), seed)
        except DifferenceError as error:
            sys.stderr.write(f"the ways to read messages differ, with --seed {seed}: {error}\n")
            return 1
        total = figures if total is None else total + figures
        sys.stdout.write(f"seed {seed}: {total}\n")
        sys.stdout.flush()
    return 0


sys.exit(main())
