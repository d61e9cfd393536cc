"""The statements of retention, counted from the arrival: what goes, and how much of it there is.

What is not judged or not delivered yet stays, and so does an event as long as its alert: an id that
comes again must not raise what is there already. A count says before anything is deleted what the
deletions, in their order, will take.
"""

from __future__ import annotations

# In this order, which the counts foresee.
DELETE_SENT = """DELETE FROM outbox WHERE digest_id IN (
  SELECT digest_id FROM digests WHERE delivered_flag = 'Y' AND delivered_ms < :before_ms)"""
DELETE_DIGESTS = "DELETE FROM digests WHERE delivered_flag = 'Y' AND delivered_ms < :before_ms"
DELETE_ALERTS = """DELETE FROM alerts WHERE raised_time < :before_time
  AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.alert_id = alerts.alert_id)"""
DELETE_EPISODES = """DELETE FROM episodes WHERE end_time < :before_time
  AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.alert_id = episodes.episode_id)"""
DELETE_QUARANTINED = "DELETE FROM quarantine WHERE received_time < :before_time"
DELETE_REDRIVES = "DELETE FROM redrives WHERE redriven_time < :before_time"
DELETE_RUNS = "DELETE FROM sweep_runs WHERE finished_time < :before_time"
# Again and again, until there are none.
DELETE_EVENTS = """DELETE FROM raw_events WHERE event_id IN (
  SELECT event_id FROM raw_events
  WHERE received_time < :before_time AND processed_flag = 'Y'
    AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.alert_id = raw_events.event_id)
  $some)"""
# After the events: what is known of series that nobody sends any more. Their settings stay.
DELETE_STATES = """DELETE FROM series_state WHERE updated_time < :before_time
  AND NOT EXISTS (SELECT 1 FROM raw_events r WHERE r.series = series_state.series)"""
DELETE_SWEPT = """DELETE FROM sweep_state WHERE last_s < :before_ms / 1000
  AND NOT EXISTS (SELECT 1 FROM raw_events r WHERE r.series = sweep_state.series)"""

# The alerts that stay: young ones, and those of which no digest is old enough to go.
STAYING = """SELECT a.alert_id FROM alerts a WHERE a.raised_time >= :before_time
OR a.alert_id IN (SELECT o.alert_id FROM outbox o WHERE o.digest_id IS NULL OR NOT EXISTS (
  SELECT 1 FROM digests d WHERE d.digest_id = o.digest_id
    AND d.delivered_flag = 'Y' AND d.delivered_ms < :before_ms))"""


def _but(those: str, column: str) -> str:
    """Those rows of a table, but for the ones that belong to an alert that stays."""
    return f"{those} AND {column} NOT IN ({STAYING})"


def _unseen(those: str, series: str) -> str:
    """Those rows, but for series of which a row of events stays."""
    staying = f"""r.series = {series} AND (r.received_time >= :before_time
    OR r.processed_flag <> 'Y' OR r.event_id IN ({STAYING}))"""
    return "\n".join((those, "AND NOT EXISTS (SELECT 1 FROM raw_events r WHERE", staying, ")"))


COUNT_DIGESTS = """SELECT COUNT(*) FROM digests
WHERE delivered_flag = 'Y' AND delivered_ms < :before_ms"""
COUNT_ALERTS = _but("SELECT COUNT(*) FROM alerts WHERE raised_time < :before_time", "alert_id")
COUNT_EPISODES = _but("SELECT COUNT(*) FROM episodes WHERE end_time < :before_time", "episode_id")
COUNT_QUARANTINED = "SELECT COUNT(*) FROM quarantine WHERE received_time < :before_time"
COUNT_REDRIVES = "SELECT COUNT(*) FROM redrives WHERE redriven_time < :before_time"
COUNT_RUNS = "SELECT COUNT(*) FROM sweep_runs WHERE finished_time < :before_time"
COUNT_EVENTS = _but(
    "SELECT COUNT(*) FROM raw_events WHERE received_time < :before_time AND processed_flag = 'Y'",
    "event_id",
)
COUNT_STATES = _unseen(
    "SELECT COUNT(*) FROM series_state WHERE updated_time < :before_time", "series_state.series"
)
COUNT_SWEPT = _unseen(
    "SELECT COUNT(*) FROM sweep_state WHERE last_s < :before_ms / 1000", "sweep_state.series"
)
