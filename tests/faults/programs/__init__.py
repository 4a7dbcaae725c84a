"""Programs that are ended from outside leave nothing behind."""
