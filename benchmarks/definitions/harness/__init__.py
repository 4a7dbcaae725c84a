"""What the parts share: checkouts and their worker processes, a broker with settings, ratios of turns."""
