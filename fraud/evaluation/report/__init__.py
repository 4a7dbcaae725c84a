"""The backtest's report: one HTML page that needs nothing from elsewhere."""
