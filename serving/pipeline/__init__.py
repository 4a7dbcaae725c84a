"""From decoded messages to predictions: features, score, reasons, decision."""
