"""The statements of the stores: the same text for SQLite and Oracle, with named binds.

Where the two differ, a mark stands for the difference: `$listed` is a table of the texts in the
JSON array `:listed`; `$locked` and `$held` lock the rows that a query reads; `$some` lets it find
no more than so many.
"""

from __future__ import annotations

STATES = """
SELECT s.series, s.detector, s.newest_ms, s.last_value, s.events, s.late_events, s.episode_id,
       s.heeded, COALESCE(t.sensitivity, 1), t.muted_until_ms, COALESCE(t.false_alarms, 0)
FROM series_state s LEFT JOIN series_settings t ON t.series = s.series
WHERE s.series IN (SELECT name FROM $listed)
ORDER BY s.series $locked"""

KNOWN_IDS = """
SELECT event_id, series, event_time, metric_value FROM raw_events
WHERE event_id IN (SELECT name FROM $listed)"""

KNOWN_PLACES = """
SELECT event_id, source_offset FROM raw_events
WHERE source_stream = :stream AND source_partition = :place
AND source_offset IN (SELECT CAST(name AS INTEGER) FROM $listed)"""

INSERT_EVENT = """
INSERT INTO raw_events (event_id, series, event_time, metric_value, feature1, feature2,
  processed_flag, anomaly_flag, score, reason, late_flag, scored_by, source_stream,
  source_partition, source_offset, received_time, expected, low_value, high_value, rate, view_name)
VALUES (:event_id, :series, :event_time, :metric_value, :feature1, :feature2,
  'Y', :anomaly_flag, :score, :reason, :late_flag, 'function', :source_stream,
  :source_partition, :source_offset, :now_time, :expected, :low_value, :high_value, :rate,
  :view_name)"""

INSERT_STATE = """
INSERT INTO series_state (series, detector, newest_ms, last_value, events, late_events,
  episode_id, heeded, updated_time)
VALUES (:series, :detector, :newest_ms, :last_value, :events, :late_events,
  :episode_id, :heeded, :now_time)"""

UPDATE_STATE = """
UPDATE series_state SET detector = :detector, newest_ms = :newest_ms, last_value = :last_value,
  events = :events, late_events = :late_events, episode_id = :episode_id, heeded = :heeded,
  updated_time = :now_time
WHERE series = :series"""

INSERT_ALERT = """
INSERT INTO alerts (alert_id, series, event_time, metric_value, score, expected, low_value,
  high_value, reason, raised_by, muted_flag, raised_time)
VALUES (:alert_id, :series, :event_time, :metric_value, :score, :expected, :low_value,
  :high_value, :reason, :raised_by, :muted_flag, :now_time)"""

INSERT_OUTBOX = """
INSERT INTO outbox (alert_id, created_time) VALUES (:alert_id, :now_time)"""

INSERT_EPISODE = """
INSERT INTO episodes (episode_id, series, start_time, end_time, peak_time, peak_score,
  peak_value, strange_points)
VALUES (:episode_id, :series, :start_time, :end_time, :peak_time, :peak_score,
  :peak_value, :strange_points)"""

UPDATE_EPISODE = """
UPDATE episodes SET series = :series, start_time = :start_time, end_time = :end_time,
  peak_time = :peak_time, peak_score = :peak_score, peak_value = :peak_value,
  strange_points = :strange_points
WHERE episode_id = :episode_id"""

KNOWN_POISON = """
SELECT quarantine_id FROM quarantine WHERE quarantine_id IN (SELECT name FROM $listed)"""

INSERT_POISON = """
INSERT INTO quarantine (quarantine_id, reason, message, source_stream, source_partition,
  source_offset, payload, source_key, received_time)
VALUES (:quarantine_id, :reason, :message, :source_stream, :source_partition,
  :source_offset, :payload, :source_key, :now_time)"""

# The outbox. One row of `locks` is held while digests are made and claimed.
LOCK = "SELECT name FROM locks WHERE name = :name $held"

TRIED = "SELECT COUNT(*) FROM digests WHERE tried_ms > :since_ms"

DUE_DIGEST = """
SELECT digest_id, title, body, attempts FROM digests
WHERE delivered_flag = 'N' AND due_ms <= :now_ms
ORDER BY created_ms, digest_id"""

CLAIM_DIGEST = """
UPDATE digests SET attempts = attempts + 1, tried_ms = :now_ms, due_ms = :due_ms
WHERE digest_id = :digest_id"""

DIGEST_ALERTS = "SELECT alert_id FROM outbox WHERE digest_id = :digest_id ORDER BY alert_id"

PENDING = """
SELECT a.alert_id, a.series, a.event_time, a.score, a.reason
FROM outbox o JOIN alerts a ON a.alert_id = o.alert_id
WHERE CASE WHEN o.digest_id IS NULL THEN 'N' END = 'N'
ORDER BY a.event_time, a.alert_id"""

INSERT_DIGEST = """
INSERT INTO digests (digest_id, title, body, created_ms, due_ms, tried_ms, attempts)
VALUES (:digest_id, :title, :body, :now_ms, :due_ms, :now_ms, 1)"""

ASSIGN = "UPDATE outbox SET digest_id = :digest_id WHERE alert_id = :alert_id"

DELIVERED = """
UPDATE digests SET delivered_flag = 'Y', message_id = :message_id, delivered_ms = :now_ms,
  problem = NULL
WHERE digest_id = :digest_id"""

FAILED = """
UPDATE digests SET due_ms = :due_ms, problem = :problem
WHERE digest_id = :digest_id AND delivered_flag = 'N' AND attempts = :attempts"""

# The operator's desk.
# A series that only has settings, or only the sweep knows, is one too.
_SERIES = """
SELECT n.series, COALESCE(s.events, w.seen, 0), COALESCE(s.late_events, 0), s.newest_ms,
       COALESCE(s.last_value, w.last_value), COALESCE(t.sensitivity, 1), t.muted_until_ms,
       COALESCE(t.false_alarms, 0)
FROM (SELECT series FROM series_state UNION SELECT series FROM series_settings
      UNION SELECT series FROM sweep_state) n
LEFT JOIN series_state s ON s.series = n.series
LEFT JOIN series_settings t ON t.series = n.series
LEFT JOIN sweep_state w ON w.series = n.series"""
SERIES = f"{_SERIES}\nORDER BY n.series"
ONE_SERIES = f"{_SERIES}\nWHERE n.series = :series"

ALERTS = """
SELECT alert_id, series, event_time, metric_value, score, expected, low_value, high_value, reason,
       raised_by, muted_flag, raised_time, acknowledged_time, acknowledged_by, false_alarm_flag
FROM alerts
WHERE (:series IS NULL OR series = :series)
  AND (:only_open = 'N' OR acknowledged_time IS NULL)
ORDER BY event_time DESC, alert_id"""

ONE_ALERT = """
SELECT alert_id, series, event_time, metric_value, score, expected, low_value, high_value, reason,
       raised_by, muted_flag, raised_time, acknowledged_time, acknowledged_by, false_alarm_flag
FROM alerts
WHERE alert_id = :alert_id"""

ACKNOWLEDGE = """
UPDATE alerts SET acknowledged_time = :now_time, acknowledged_by = :who
WHERE alert_id = :alert_id AND acknowledged_time IS NULL"""

CALL_FALSE = """
UPDATE alerts SET false_alarm_flag = 'Y' WHERE alert_id = :alert_id AND false_alarm_flag = 'N'"""

SETTINGS_OF = "SELECT series FROM series_settings WHERE series = :series"
NEW_SETTINGS = "INSERT INTO series_settings (series) VALUES (:series)"
COUNT_FALSE = "UPDATE series_settings SET false_alarms = false_alarms + 1 WHERE series = :series"
SENSITIVITY = "UPDATE series_settings SET sensitivity = :sensitivity WHERE series = :series"
MUTE = "UPDATE series_settings SET muted_until_ms = :muted_until_ms WHERE series = :series"

POINTS = """
SELECT event_id, event_time, metric_value, score, anomaly_flag, late_flag, reason, expected,
       low_value, high_value, rate, view_name
FROM raw_events
WHERE series = :series AND event_time >= :start_time AND event_time < :end_time
ORDER BY event_time, event_id"""

ONE_EVENT = """
SELECT series, scored_by, feature1, feature2, source_stream, source_partition, source_offset,
       event_id, event_time, metric_value, score, anomaly_flag, late_flag, reason, expected,
       low_value, high_value, rate, view_name
FROM raw_events
WHERE event_id = :event_id"""

ONE_EPISODE = """
SELECT episode_id, series, start_time, end_time, peak_time, peak_score, peak_value, strange_points
FROM episodes
WHERE episode_id = :episode_id"""

# But for what the sweep set aside: one wrong clock would be the latest point for years.
LATEST_POINTS = """
SELECT event_id, event_time, metric_value, score, anomaly_flag, late_flag, reason, expected,
       low_value, high_value, rate, view_name
FROM raw_events
WHERE series = :series AND event_time >= :start_time AND event_time < :end_time
  AND COALESCE(reason, ' ') <> 'not judged: its time is too far ahead of its arrival'
ORDER BY event_time DESC, event_id DESC"""

EPISODES = """
SELECT episode_id, series, start_time, end_time, peak_time, peak_score, peak_value, strange_points
FROM episodes
WHERE series = :series AND end_time >= :start_time AND start_time < :end_time
ORDER BY start_time, episode_id"""

_KEPT = """
SELECT q.quarantine_id, q.reason, q.message, q.source_stream, q.source_partition, q.source_offset,
       q.payload, q.source_key, r.outcome, r.redriven_by, r.redriven_time, q.received_time
FROM quarantine q LEFT JOIN redrives r ON r.quarantine_id = q.quarantine_id"""
QUARANTINED = f"""{_KEPT}
WHERE (:reason IS NULL OR q.reason = :reason)
  AND (:only_open = 'N' OR r.quarantine_id IS NULL)
ORDER BY q.received_time DESC, q.quarantine_id"""
KEPT_LIKE = f"{_KEPT}\nWHERE q.quarantine_id LIKE :start_of_id\nORDER BY q.quarantine_id"
KEPT = "\n".join((_KEPT, "WHERE q.quarantine_id IN (SELECT name FROM $listed)"))
COUNT_QUARANTINED = """
SELECT q.reason, COUNT(*), COUNT(r.quarantine_id)
FROM quarantine q LEFT JOIN redrives r ON r.quarantine_id = q.quarantine_id
GROUP BY q.reason
ORDER BY q.reason"""
INSERT_REDRIVE = """
INSERT INTO redrives (quarantine_id, outcome, events, payload, redriven_by, redriven_time)
VALUES (:quarantine_id, :outcome, :events, :payload, :redriven_by, :now_time)"""
