"""Which versions may be loaded: signed at promotion, from the configured store, with sane bounds."""
