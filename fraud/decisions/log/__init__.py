"""Policies as a log of events: who proposed, approved and moved what, and the state that follows."""
