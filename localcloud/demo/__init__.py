"""`scripts/demo`: a stream of events through the local cloud, and a proof of what came out."""
