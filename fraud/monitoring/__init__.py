"""Watching the champion: drift, matured performance, calibration, and whether both feature paths agree."""
