"""Commands about the programs of this machine: start, stop, look, check."""
