"""What the serving benchmarks share: broker and settings, traffic, the model, processes under test."""
