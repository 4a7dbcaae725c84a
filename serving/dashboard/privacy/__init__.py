"""A card that is forgotten, and rows that are older than the settings allow, in the dashboard's database."""
