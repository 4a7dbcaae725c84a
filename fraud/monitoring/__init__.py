"""Monitoring of the champion: drift, matured performance, calibration, and feature consistency."""
