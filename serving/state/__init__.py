"""State of a partition: restore, replay and snapshots."""
