"""Evaluation of fraud models: metrics, baselines, the promotion gate, backtest and report."""
