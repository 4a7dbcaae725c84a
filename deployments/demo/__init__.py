"""The whole loop on one machine, told while it runs."""
