"""Commands of decisions: policies, lists, the gateway."""
