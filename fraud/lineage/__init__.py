"""Lineage of a prediction: the model, run, code, data, features and labels behind it."""
