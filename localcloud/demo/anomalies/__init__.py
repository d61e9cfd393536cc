"""The part of the demo that runs on the local Oracle Cloud: metrics, flags, alerts, a proof."""
