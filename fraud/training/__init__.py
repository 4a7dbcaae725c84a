"""Training: dataset, splits, search, fit, calibration and threshold."""
