"""A Kafka that asks who one is: what each may do there, and what the others are told."""
