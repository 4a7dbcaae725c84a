"""The dashboard: alerts as they arrive, analysts' reviews, the models and their figures.

It reads Kafka like any other consumer. It does not talk to the scoring engine.
"""
