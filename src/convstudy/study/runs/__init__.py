"""Runs: the training and test of one network with one seed, in one folder."""
