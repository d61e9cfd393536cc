"""The container's command words: SageMaker runs the image with `serve`."""

from __future__ import annotations

import sys


def main(words: list[str]) -> int:
    """Run a command word; the exit status."""
    if words != ["serve"]:
        print(
            f"millrace model: the only command word is serve, not {' '.join(words)!r}."
            " Training: scripts/train",
            file=sys.stderr,
        )
        return 2
    from model.serve import main as serve

    return serve()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
