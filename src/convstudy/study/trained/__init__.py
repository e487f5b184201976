"""Trained networks: finished runs opened again to evaluate, predict and export."""
