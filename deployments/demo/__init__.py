"""The whole loop on one machine, with its progress printed."""
