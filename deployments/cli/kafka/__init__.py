"""Commands about Kafka itself: its topics and permissions."""
