"""Many runs under one protocol, and what they show."""
