"""Models: networks by name or object, their preprocessing and their cost."""
