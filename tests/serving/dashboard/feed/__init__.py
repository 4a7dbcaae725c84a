"""Tests of what is read from Kafka and kept."""
