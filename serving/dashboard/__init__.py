"""The dashboard: alerts as they happen, an analyst's verdict, the models and how they fare.

It is a reader of Kafka like any other. It never talks to the scoring engine, and the engine does not know it.
"""
