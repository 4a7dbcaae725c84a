"""From Kafka to the store of the dashboard and to open pages."""
