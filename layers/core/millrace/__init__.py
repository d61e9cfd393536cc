"""Millrace: serverless machinery for machine learning on live data."""

__version__ = "0.1.0"
