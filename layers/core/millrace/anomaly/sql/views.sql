-- What people and BI tools read: every flag in words, every time in UTC. The same views as in Oracle
-- (oci-fn/sql/R__15_views.sql), with functions that every program over SQLite has.

-- Every value with the band that it was judged against: of a counter both are rates per second.
CREATE VIEW v_points AS
SELECT e.event_id, e.series, e.event_time, e.metric_value,
       COALESCE(e.rate, e.metric_value) AS judged_value,
       CASE WHEN e.rate IS NULL THEN 'value' ELSE 'rate' END AS judged_as,
       e.expected, e.low_value, e.high_value,
       CASE WHEN e.low_value IS NULL OR e.high_value IS NULL THEN 'no band'
            WHEN COALESCE(e.rate, e.metric_value) < e.low_value THEN 'below'
            WHEN COALESCE(e.rate, e.metric_value) > e.high_value THEN 'above'
            ELSE 'within' END AS band_position,
       e.score,
       CASE WHEN e.anomaly_flag = 'Y' THEN 'strange'
            WHEN e.late_flag = 'Y' THEN 'late'
            WHEN e.processed_flag = 'N' THEN 'waiting'
            WHEN e.score IS NULL OR e.view_name IN ('learning', 'no time') THEN 'not judged'
            ELSE 'ordinary' END AS state,
       CASE WHEN a.alert_id IS NULL THEN 'N' ELSE 'Y' END AS alert_flag,
       e.view_name, e.reason, e.scored_by, e.feature1, e.feature2, e.received_time
FROM raw_events e
LEFT JOIN alerts a ON a.alert_id = e.event_id;

-- Every alert with its episode: how long it went on, what was said of it, whether it was sent.
-- One that is muted and that nobody has acknowledged is open, too; its state says that it was not
-- sent.
CREATE VIEW v_alerts AS
SELECT a.alert_id, a.series, a.event_time, a.raised_time, a.metric_value, a.score, a.expected,
       a.low_value, a.high_value, a.reason, a.raised_by,
       CASE WHEN a.false_alarm_flag = 'Y' THEN 'false alarm'
            WHEN a.acknowledged_by = 'history' THEN 'past'
            WHEN a.acknowledged_time IS NOT NULL THEN 'acknowledged'
            WHEN a.muted_flag = 'Y' THEN 'muted'
            ELSE 'open' END AS state,
       CASE WHEN a.muted_flag = 'Y' THEN 'muted'
            WHEN o.alert_id IS NULL OR d.delivered_flag = 'Y' THEN 'delivered'
            ELSE 'waiting' END AS delivery,
       a.acknowledged_time, a.acknowledged_by,
       ROUND((julianday(a.acknowledged_time) - julianday(a.raised_time)) * 86400, 3) AS response_s,
       p.start_time, p.end_time,
       ROUND((julianday(p.end_time) - julianday(p.start_time)) * 86400, 3) AS duration_s,
       p.peak_time, p.peak_value, p.peak_score, p.strange_points
FROM alerts a
LEFT JOIN episodes p ON p.episode_id = a.alert_id
LEFT JOIN outbox o ON o.alert_id = a.alert_id
LEFT JOIN digests d ON d.digest_id = o.digest_id;

-- Every episode, with the alert that it raised.
CREATE VIEW v_episodes AS
SELECT p.episode_id, p.series, p.start_time, p.end_time,
       ROUND((julianday(p.end_time) - julianday(p.start_time)) * 86400, 3) AS duration_s,
       p.peak_time, p.peak_value, p.peak_score, p.strange_points,
       a.reason, a.expected, a.low_value, a.high_value,
       CASE WHEN a.false_alarm_flag = 'Y' THEN 'false alarm'
            WHEN a.acknowledged_by = 'history' THEN 'past'
            WHEN a.acknowledged_time IS NOT NULL THEN 'acknowledged'
            WHEN a.muted_flag = 'Y' THEN 'muted'
            WHEN a.alert_id IS NULL THEN 'no alert'
            ELSE 'open' END AS state
FROM episodes p
LEFT JOIN alerts a ON a.alert_id = p.episode_id;

-- Every series as it is now.
CREATE VIEW v_series_health AS
SELECT n.series, COALESCE(s.events, w.seen, 0) AS events,
       COALESCE(s.late_events, 0) AS late_events,
       strftime('%Y-%m-%dT%H:%M:%fZ', COALESCE(s.newest_ms / 1000.0, w.last_s), 'unixepoch')
         AS newest_time,
       COALESCE(s.last_value, w.last_value) AS last_value,
       ROUND((julianday('now') - 2440587.5) * 86400 - COALESCE(s.newest_ms / 1000.0, w.last_s), 3)
         AS behind_s,
       COALESCE(r.events_24h, 0) AS events_24h, COALESCE(r.strange_24h, 0) AS strange_24h,
       COALESCE(a.alerts_24h, 0) AS alerts_24h, COALESCE(a.open_alerts, 0) AS open_alerts,
       COALESCE(a.false_alarms, 0) AS false_alarms, COALESCE(t.sensitivity, 1) AS sensitivity,
       strftime('%Y-%m-%dT%H:%M:%fZ', t.muted_until_ms / 1000.0, 'unixepoch') AS muted_until_time,
       CASE WHEN t.muted_until_ms > (julianday('now') - 2440587.5) * 86400000 THEN 'muted'
            WHEN a.open_alerts > 0 THEN 'alert'
            WHEN r.events_24h IS NULL THEN 'silent'
            ELSE 'fine' END AS state
FROM (SELECT series FROM series_state UNION SELECT series FROM series_settings
      UNION SELECT series FROM sweep_state) n
LEFT JOIN series_state s ON s.series = n.series
LEFT JOIN series_settings t ON t.series = n.series
LEFT JOIN sweep_state w ON w.series = n.series
LEFT JOIN (
  SELECT e.series, COUNT(*) AS events_24h,
         SUM(CASE WHEN e.anomaly_flag = 'Y' THEN 1 ELSE 0 END) AS strange_24h
  FROM raw_events e
  WHERE e.received_time >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 day')
  GROUP BY e.series
) r ON r.series = n.series
LEFT JOIN (
  SELECT b.series,
         SUM(CASE WHEN b.raised_time >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 day')
                  THEN 1 ELSE 0 END) AS alerts_24h,
         SUM(CASE WHEN b.acknowledged_time IS NULL THEN 1 ELSE 0 END) AS open_alerts,
         SUM(CASE WHEN b.false_alarm_flag = 'Y' THEN 1 ELSE 0 END) AS false_alarms
  FROM alerts b
  GROUP BY b.series
) a ON a.series = n.series;

-- Every series by the hour of its events.
CREATE VIEW v_hourly AS
SELECT h.series, h.hour_time, COUNT(*) AS events,
       SUM(CASE WHEN h.anomaly_flag = 'Y' THEN 1 ELSE 0 END) AS strange,
       SUM(CASE WHEN h.late_flag = 'Y' THEN 1 ELSE 0 END) AS late,
       MIN(h.judged_value) AS least_value, AVG(h.judged_value) AS mean_value,
       MAX(h.judged_value) AS most_value, AVG(h.expected) AS mean_expected,
       MAX(h.score) AS most_score, AVG(h.lag_s) AS mean_lag_s, MAX(h.lag_s) AS most_lag_s
FROM (
  SELECT e.series, strftime('%Y-%m-%dT%H:00:00.000Z', e.event_time) AS hour_time, e.anomaly_flag,
         e.late_flag, COALESCE(e.rate, e.metric_value) AS judged_value, e.expected, e.score,
         ROUND((julianday(e.received_time) - julianday(e.event_time)) * 86400, 3) AS lag_s
  FROM raw_events e
  WHERE e.event_time IS NOT NULL
) h
GROUP BY h.series, h.hour_time;

-- What could not be applied, and what came back of it.
CREATE VIEW v_quarantine AS
SELECT q.quarantine_id, q.received_time, q.reason, q.message, q.source_stream,
       q.source_partition, q.source_offset, COALESCE(r.outcome, 'open') AS state,
       r.redriven_by, r.redriven_time
FROM quarantine q
LEFT JOIN redrives r ON r.quarantine_id = q.quarantine_id;

-- The pipeline as a whole, in one row. Lags are from an event's time to its arrival.
CREATE VIEW v_pipeline AS
SELECT l.newest_received_time, COALESCE(l.events_1h, 0) AS events_1h, l.mean_lag_s, l.most_lag_s,
       (SELECT COUNT(*) FROM raw_events w
        WHERE CASE w.processed_flag WHEN 'N' THEN 'N' END = 'N') AS rows_waiting,
       (SELECT COUNT(*) FROM outbox o
        LEFT JOIN digests d ON d.digest_id = o.digest_id
        WHERE COALESCE(d.delivered_flag, 'N') = 'N') AS alerts_waiting,
       (SELECT COUNT(*) FROM alerts a WHERE a.acknowledged_time IS NULL) AS alerts_open,
       (SELECT COUNT(*) FROM quarantine q
        WHERE NOT EXISTS (SELECT 1 FROM redrives r WHERE r.quarantine_id = q.quarantine_id))
         AS quarantine_open,
       (SELECT MAX(s.finished_time) FROM sweep_runs s) AS swept_time
FROM (
  SELECT MAX(k.received_time) AS newest_received_time, COUNT(*) AS events_1h,
         AVG(k.lag_s) AS mean_lag_s, MAX(k.lag_s) AS most_lag_s
  FROM (
    SELECT e.received_time,
           ROUND((julianday(e.received_time) - julianday(e.event_time)) * 86400, 3) AS lag_s
    FROM raw_events e
    WHERE e.received_time >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 hour')
  ) k
) l;
