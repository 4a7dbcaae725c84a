"""What the versions of the simulator's scenarios are like."""
