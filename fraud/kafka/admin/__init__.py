"""What an administrator asks of a cluster: its controller, its groups, its permissions."""
