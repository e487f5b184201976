"""Comparisons: many runs under one protocol, and their results."""
