"""The gateway against a bare echo over HTTP and the same two topics."""
