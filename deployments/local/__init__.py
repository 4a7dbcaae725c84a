"""The embedded stack: Kafka, MLflow and Prefect as processes of this machine."""
