"""The monitor's reports that a dashboard beside an embedded stack makes itself."""
