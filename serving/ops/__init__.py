"""What operates a worker: metrics, health, spans, shutdown and worker numbers."""
