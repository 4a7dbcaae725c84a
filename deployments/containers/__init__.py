"""What runs first inside a container: waiting for what is needed, migrating databases, becoming a server.

`python -m deployments.containers` is the one entry point; chart and compose file call nothing else for this.
"""
