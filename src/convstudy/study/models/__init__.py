"""Networks by name, at the input that a study gives them."""
