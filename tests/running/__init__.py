"""How a session of tests runs: which tests share a worker, which may be skipped."""
