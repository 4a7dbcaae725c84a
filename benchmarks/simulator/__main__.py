"""`python -m benchmarks.simulator v1/small v2/small`: what the versions are like."""

from benchmarks.simulator.versions import main
from fraud.machine.ending import end_in_order

if __name__ == "__main__":
    end_in_order()
    main()
