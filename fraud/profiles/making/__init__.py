"""Making profiles from the lake, incrementally and without Spark, and publishing them."""
