"""Reviews as events on a topic, for other systems."""
