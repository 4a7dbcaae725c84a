"""The audit as events on a topic: a copy that an admin of the dashboard's database cannot change."""
