"""Anomalies of one series, point by point: a pure detector with bounded state."""

from millrace.anomaly.detector import Detector
from millrace.anomaly.verdict import Verdict

__all__ = ["Detector", "Verdict"]
