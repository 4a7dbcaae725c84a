"""Routes and queries of the dashboard."""
