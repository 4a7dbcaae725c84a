"""From Kafka to the lake: every record of a partition's log once, named by its offsets."""
