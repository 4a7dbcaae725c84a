"""Who may call the gateway: API keys, access tokens of an issuer, scopes and rates."""
