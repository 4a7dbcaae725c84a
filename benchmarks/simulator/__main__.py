"""`python -m benchmarks.simulator v1/small v2/small`: what the versions are like."""

from benchmarks.simulator.versions import main

if __name__ == "__main__":
    main()
