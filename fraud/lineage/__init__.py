"""From a prediction back to all that it came from."""
