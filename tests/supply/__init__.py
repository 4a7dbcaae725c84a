"""The supply chain: what is installed and deployed, by hash, and what is known of it."""
