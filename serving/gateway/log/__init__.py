"""The gateway's clients of Kafka, each on a thread of its own."""
