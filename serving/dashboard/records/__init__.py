"""What leaves the store in full: the audit, exports, and the features of an alert."""
