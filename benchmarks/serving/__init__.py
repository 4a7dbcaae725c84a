"""What serving costs: throughput, latency, memory, restarts, and other ways to do the same."""
