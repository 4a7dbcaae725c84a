"""The brokers of one embedded Kafka: what each knows of the others, and what a home keeps of them."""
