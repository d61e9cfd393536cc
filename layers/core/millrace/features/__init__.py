"""Live features: what they are (definitions), how they are kept (profile), where (the stores)."""
