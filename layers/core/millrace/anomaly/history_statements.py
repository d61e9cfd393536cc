"""The statements of history.py: the same text for SQLite and Oracle, with named binds."""

from __future__ import annotations

import re

# Rows without a value or a time cannot be judged by anybody, and those ahead of their time must
# not: everything that comes before them would be late.
HISTORIES = """
SELECT e.series, COUNT(*),
       SUM(CASE WHEN e.late_flag = 'Y' OR COALESCE(e.processed_flag, 'N') = 'N'
                     OR COALESCE(e.scored_by, 'none') <> 'function' THEN 1 ELSE 0 END),
       MAX(COALESCE(s.events, 0) + COALESCE(s.late_events, 0)),
       MAX(CASE WHEN b.series IS NULL THEN 0 ELSE b.events END)
FROM raw_events e
LEFT JOIN series_state s ON s.series = e.series
LEFT JOIN backfills b ON b.series = e.series
WHERE e.metric_value > -1e125 AND e.metric_value < 1e125 AND e.event_time <= :end_time
GROUP BY e.series
ORDER BY e.series"""

BEGUN = """
SELECT detector, after_time, after_id, last_value, episode_id, events
FROM backfills WHERE series = :series"""

PAGE = """
SELECT event_id, event_time, metric_value FROM raw_events
WHERE series = :series AND metric_value > -1e125 AND metric_value < 1e125
  AND event_time <= :end_time AND event_time >= :after_time
  AND (event_time > :after_time OR event_id > :after_id)
ORDER BY event_time, event_id"""

KNOWN_ALERTS = """
SELECT alert_id, raised_by, false_alarm_flag FROM alerts
WHERE alert_id IN (SELECT name FROM $listed)"""

# Not yet judged, while it is judged again: the trigger for rows that somebody flags sees nothing.
OPEN_ROWS = """
UPDATE raw_events SET processed_flag = 'N', anomaly_flag = 'N'
WHERE event_id IN (SELECT name FROM $listed)"""

JUDGE_ROW = """
UPDATE raw_events SET feature1 = :feature1, feature2 = :feature2, score = :score,
  reason = :reason, anomaly_flag = :anomaly_flag, late_flag = 'N', processed_flag = 'Y',
  scored_by = 'function', expected = :expected, low_value = :low_value,
  high_value = :high_value, rate = :rate, view_name = :view_name
WHERE event_id = :event_id"""

JUDGE_ROW_BINDS = frozenset(re.findall(r":(\w+)", JUDGE_ROW))

FORGET_EPISODES = """
DELETE FROM episodes
WHERE series = :series AND start_time >= :start_time AND start_time <= :end_time
  AND episode_id <> :episode_id"""

FORGET_BACKFILL = "DELETE FROM backfills WHERE series = :series"

NOTE_BACKFILL = """
INSERT INTO backfills (series, detector, after_time, after_id, last_value, episode_id, events,
  updated_time)
VALUES (:series, :detector, :after_time, :after_id, :last_value, :episode_id, :events,
  :now_time)"""
