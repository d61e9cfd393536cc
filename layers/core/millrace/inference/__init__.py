"""Predictions on live features: the API's contract, what it talks to, and its records."""
