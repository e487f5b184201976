"""One run: one network, one seed, one folder."""
