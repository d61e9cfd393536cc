"""Lambda layers: built right, so that a cold start loads little, and compiles nothing."""
