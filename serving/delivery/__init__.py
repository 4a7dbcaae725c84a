"""How predictions reach Kafka: exactly once or at least once."""
