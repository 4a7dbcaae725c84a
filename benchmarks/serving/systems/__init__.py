"""Other systems with the same model on the same messages, and the environments that they run in."""
