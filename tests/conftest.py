"""What all tests share: an environment that does not depend on where they run."""

from __future__ import annotations

import os

# The width of a terminal is nobody's matter here: what is printed goes to no terminal.
os.environ.pop("COLUMNS", None)
