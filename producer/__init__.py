"""What fills Kafka: the simulator and the replay of a user's own data."""
