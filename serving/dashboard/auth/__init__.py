"""Who may use the dashboard: accounts, sessions and OpenID Connect."""
