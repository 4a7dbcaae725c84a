"""A Kafka with authentication and ACLs: what each identity may do, and how others are refused."""
