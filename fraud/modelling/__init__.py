"""Learning and judging models, on plain arrays and tables."""
