"""A user's own data through the whole loop: Kafka, lake, Spark, MLflow, training, serving."""
