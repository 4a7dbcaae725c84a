"""What puts the system somewhere: one machine, containers, an orchestrator."""
