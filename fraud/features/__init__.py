"""Features of a transaction: their definition, the one kernel that computes them, its two uses."""
