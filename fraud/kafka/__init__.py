"""Kafka: clients, topics, access rights, errors and reading a partition."""
