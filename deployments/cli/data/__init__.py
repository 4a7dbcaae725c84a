"""Commands that bring data into Kafka: simulated, a user's own, and dead letters."""
