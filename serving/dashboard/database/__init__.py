"""The dashboard's database: SQLite or PostgreSQL, its engines and the steps from earlier versions."""
