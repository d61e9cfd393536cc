"""A module that only the layer holds."""

WHAT = "from the layer"
