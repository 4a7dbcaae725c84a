"""The backtest: train on the past, evaluate on what came after, period by period."""
