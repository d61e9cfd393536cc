"""Turns template.yaml into running resources on this machine.

The template is the single truth: SAM translates it, as in the cloud, and every resource that comes
out is made with one call to an emulator, handed on as a plain value to whoever runs it, or accepted
without effect for a stated reason. A type or property that is none of these is an error, never
skipped in silence. `python -m localcloud.stack` prints what becomes of each.
"""

from __future__ import annotations

from localcloud.stack.aws import Aws, Boto3Aws
from localcloud.stack.building import build
from localcloud.stack.place import Place
from localcloud.stack.stack import Stack, deploy, plan

__all__ = ["Aws", "Boto3Aws", "Place", "Stack", "build", "deploy", "plan"]
