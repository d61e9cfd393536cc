"""The page that shows series, their bands, episodes and alerts, and its JSON API.

It reads and changes the database through `millrace.anomaly.desk` and nothing else.
"""
