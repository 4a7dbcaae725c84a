"""The domain of card fraud detection: no orchestrator and no server is known in here."""
