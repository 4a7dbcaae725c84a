"""Kafka: clients, topics, permissions, errors and reading a partition."""
