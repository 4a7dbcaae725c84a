"""The embedded stack: a real Kafka, MLflow and Prefect as processes of this machine, no containers."""
