"""State of a partition: restore, replay, snapshots, and the warm-up of new definitions."""
