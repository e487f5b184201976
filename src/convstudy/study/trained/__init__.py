"""Finished runs, opened again: evaluated, used on new images, exported."""
