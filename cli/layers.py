"""`millrace layers`: Lambda layers that load fast. Each command has a module of its own."""

from __future__ import annotations

from cli import (
    layer_apply,
    layer_build,
    layer_compare,
    layer_profile,
    layer_prune,
    layer_publish,
    layer_rollout,
    layer_scan,
    layer_share,
    layer_test,
    layer_usage,
)
from cli.commands import new_group

app = new_group()

layer_build.register(app)
layer_profile.register(app)
layer_compare.register(app)
layer_test.register(app)
layer_prune.register(app)
layer_apply.register(app)
layer_publish.register(app)
layer_share.register(app)
layer_scan.register(app)
layer_usage.register(app)
layer_rollout.register(app)
