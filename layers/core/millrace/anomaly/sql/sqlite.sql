-- The pipeline's tables in SQLite: the twin of oci-fn/sql, with the same names and meaning.
-- Times are ISO 8601 in UTC. Safe to run again.
CREATE TABLE IF NOT EXISTS raw_events (
  event_id         TEXT NOT NULL PRIMARY KEY,
  event_time       TEXT,
  metric_value     REAL,
  feature1         REAL,
  feature2         REAL,
  processed_flag   TEXT NOT NULL DEFAULT 'N' CHECK (processed_flag IN ('Y', 'N')),
  anomaly_flag     TEXT NOT NULL DEFAULT 'N' CHECK (anomaly_flag IN ('Y', 'N')),
  series           TEXT NOT NULL DEFAULT 'default',
  score            REAL,
  reason           TEXT,
  late_flag        TEXT NOT NULL DEFAULT 'N' CHECK (late_flag IN ('Y', 'N')),
  scored_by        TEXT,
  source_stream    TEXT,
  source_partition TEXT,
  source_offset    INTEGER,
  received_time    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now') || 'Z'),
  expected         REAL,
  low_value        REAL,
  high_value       REAL,
  rate             REAL,
  view_name        TEXT
);
CREATE INDEX IF NOT EXISTS raw_events_new
  ON raw_events (CASE processed_flag WHEN 'N' THEN 'N' END)
  WHERE CASE processed_flag WHEN 'N' THEN 'N' END = 'N';
CREATE UNIQUE INDEX IF NOT EXISTS raw_events_place
  ON raw_events (source_stream, source_partition, source_offset);
CREATE INDEX IF NOT EXISTS raw_events_series ON raw_events (series, event_time);
CREATE INDEX IF NOT EXISTS raw_events_received ON raw_events (received_time);

CREATE TABLE IF NOT EXISTS series_state (
  series       TEXT NOT NULL PRIMARY KEY,
  detector     BLOB NOT NULL,
  newest_ms    INTEGER,
  last_value   REAL,
  events       INTEGER NOT NULL,
  late_events  INTEGER NOT NULL,
  episode_id   TEXT,
  heeded       INTEGER NOT NULL,
  updated_time TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS series_settings (
  series         TEXT NOT NULL PRIMARY KEY,
  sensitivity    REAL NOT NULL DEFAULT 1 CHECK (sensitivity > 0),
  muted_until_ms INTEGER,
  false_alarms   INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS alerts (
  alert_id          TEXT NOT NULL PRIMARY KEY,
  series            TEXT NOT NULL,
  event_time        TEXT,
  metric_value      REAL,
  score             REAL,
  expected          REAL,
  low_value         REAL,
  high_value        REAL,
  reason            TEXT NOT NULL,
  raised_by         TEXT NOT NULL CHECK (raised_by IN ('function', 'sweep', 'hand')),
  muted_flag        TEXT NOT NULL DEFAULT 'N' CHECK (muted_flag IN ('Y', 'N')),
  raised_time       TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now') || 'Z'),
  acknowledged_time TEXT,
  acknowledged_by   TEXT,
  false_alarm_flag  TEXT NOT NULL DEFAULT 'N' CHECK (false_alarm_flag IN ('Y', 'N'))
);
CREATE INDEX IF NOT EXISTS alerts_raised ON alerts (raised_time);
CREATE INDEX IF NOT EXISTS alerts_series ON alerts (series, event_time);

CREATE TABLE IF NOT EXISTS episodes (
  episode_id     TEXT NOT NULL PRIMARY KEY,
  series         TEXT NOT NULL,
  start_time     TEXT NOT NULL,
  end_time       TEXT NOT NULL,
  peak_time      TEXT NOT NULL,
  peak_score     REAL NOT NULL,
  peak_value     REAL NOT NULL,
  strange_points INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS episodes_series ON episodes (series, start_time);

CREATE TABLE IF NOT EXISTS outbox (
  alert_id     TEXT NOT NULL PRIMARY KEY,
  digest_id    TEXT,
  created_time TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now') || 'Z')
);
CREATE INDEX IF NOT EXISTS outbox_waiting
  ON outbox (CASE WHEN digest_id IS NULL THEN 'N' END);
CREATE INDEX IF NOT EXISTS outbox_digest ON outbox (digest_id);

CREATE TABLE IF NOT EXISTS digests (
  digest_id      TEXT NOT NULL PRIMARY KEY,
  title          TEXT NOT NULL,
  body           TEXT NOT NULL,
  created_ms     INTEGER NOT NULL,
  due_ms         INTEGER NOT NULL,
  tried_ms       INTEGER NOT NULL,
  attempts       INTEGER NOT NULL,
  delivered_flag TEXT NOT NULL DEFAULT 'N' CHECK (delivered_flag IN ('Y', 'N')),
  delivered_ms   INTEGER,
  message_id     TEXT,
  problem        TEXT
);
CREATE INDEX IF NOT EXISTS digests_due ON digests (delivered_flag, due_ms);
CREATE INDEX IF NOT EXISTS digests_tried ON digests (tried_ms);

CREATE TABLE IF NOT EXISTS quarantine (
  quarantine_id    TEXT NOT NULL PRIMARY KEY,
  reason           TEXT NOT NULL,
  message          TEXT NOT NULL,
  source_stream    TEXT,
  source_partition TEXT,
  source_offset    INTEGER,
  payload          TEXT NOT NULL,
  received_time    TEXT NOT NULL,
  source_key       TEXT
);
CREATE INDEX IF NOT EXISTS quarantine_received ON quarantine (received_time);

-- What came back out of quarantine, noted in the transaction that applied it.
CREATE TABLE IF NOT EXISTS redrives (
  quarantine_id TEXT NOT NULL PRIMARY KEY,
  outcome       TEXT NOT NULL,
  events        INTEGER NOT NULL,
  payload       TEXT,
  redriven_by   TEXT NOT NULL,
  redriven_time TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS redrives_time ON redrives (redriven_time);

-- How far the detector has come with the history of a series (see history.py).
CREATE TABLE IF NOT EXISTS backfills (
  series       TEXT NOT NULL PRIMARY KEY,
  detector     BLOB NOT NULL,
  after_time   TEXT NOT NULL,
  after_id     TEXT NOT NULL,
  last_value   REAL,
  episode_id   TEXT,
  events       INTEGER NOT NULL,
  updated_time TEXT NOT NULL
) WITHOUT ROWID;

CREATE VIEW IF NOT EXISTS dual AS SELECT 1 AS dummy;

CREATE TABLE IF NOT EXISTS locks (name TEXT NOT NULL PRIMARY KEY);
INSERT OR IGNORE INTO locks (name) VALUES ('outbox'), ('sweep');

-- What the sweep is set to, in one row, and what it knows of each series (see sweep.py).
CREATE TABLE IF NOT EXISTS sweep_settings (
  one         INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  half_life_s REAL NOT NULL CHECK (half_life_s > 0),
  threshold   REAL NOT NULL CHECK (threshold > 0),
  warm_up     INTEGER NOT NULL CHECK (warm_up >= 2),
  quiet_s     REAL NOT NULL CHECK (quiet_s >= 0),
  future_s    REAL NOT NULL DEFAULT 86400 CHECK (future_s >= 0)
);
INSERT OR IGNORE INTO sweep_settings (one, half_life_s, threshold, warm_up, quiet_s)
VALUES (1, 86400, 4, 30, 3600);

CREATE TABLE IF NOT EXISTS sweep_state (
  series     TEXT NOT NULL PRIMARY KEY,
  centre     REAL NOT NULL,
  w          REAL NOT NULL,
  s1         REAL NOT NULL,
  s2         REAL NOT NULL,
  seen       INTEGER NOT NULL,
  last_s     REAL NOT NULL,
  last_value REAL NOT NULL,
  strange_s  REAL,
  episode_id TEXT
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS sweep_runs (
  run_id        INTEGER PRIMARY KEY,
  finished_time TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now') || 'Z'),
  rows_judged   INTEGER NOT NULL,
  strange       INTEGER NOT NULL,
  alerts        INTEGER NOT NULL,
  outcome       TEXT NOT NULL,
  problem       TEXT
);

-- A row that somebody else flags is an alert, too, as soon as it is flagged and processed, in
-- whatever order; of a muted series it is kept and not sent. What the function stores and the sweep
-- judges has alerts of its own. (Functions of our connection have no place here: other programs
-- flag rows, too.)
DROP TRIGGER IF EXISTS notify_anomaly;
DROP TRIGGER IF EXISTS notify_flagged;
DROP TRIGGER IF EXISTS notify_came_flagged;
CREATE TRIGGER IF NOT EXISTS notify_flagged_by_hand
AFTER UPDATE OF anomaly_flag, processed_flag ON raw_events
WHEN NEW.anomaly_flag = 'Y' AND NEW.processed_flag = 'Y'
  AND (COALESCE(OLD.anomaly_flag, 'N') = 'N' OR COALESCE(OLD.processed_flag, 'N') = 'N')
  AND (OLD.processed_flag = 'Y' OR COALESCE(NEW.scored_by, 'hand') NOT IN ('function', 'sweep'))
BEGIN
  INSERT INTO alerts (alert_id, series, event_time, metric_value, score, reason, raised_by,
    muted_flag)
  SELECT NEW.event_id, NEW.series, NEW.event_time, NEW.metric_value, NEW.score,
         'flagged by hand', 'hand',
         CASE WHEN ROUND((julianday(NEW.event_time) - 2440587.5) * 86400000)
                   < (SELECT m.muted_until_ms FROM series_settings m WHERE m.series = NEW.series)
              THEN 'Y' ELSE 'N' END
  WHERE NOT EXISTS (SELECT 1 FROM alerts a WHERE a.alert_id = NEW.event_id);
  INSERT INTO outbox (alert_id)
  SELECT a.alert_id
  FROM alerts a
  WHERE a.alert_id = NEW.event_id AND a.muted_flag = 'N'
    AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.alert_id = NEW.event_id);
END;
CREATE TRIGGER IF NOT EXISTS notify_came_flagged_by_hand
AFTER INSERT ON raw_events
WHEN NEW.anomaly_flag = 'Y' AND NEW.processed_flag = 'Y'
  AND COALESCE(NEW.scored_by, 'hand') NOT IN ('function', 'sweep')
BEGIN
  INSERT INTO alerts (alert_id, series, event_time, metric_value, score, reason, raised_by,
    muted_flag)
  SELECT NEW.event_id, NEW.series, NEW.event_time, NEW.metric_value, NEW.score,
         'flagged by hand', 'hand',
         CASE WHEN ROUND((julianday(NEW.event_time) - 2440587.5) * 86400000)
                   < (SELECT m.muted_until_ms FROM series_settings m WHERE m.series = NEW.series)
              THEN 'Y' ELSE 'N' END
  WHERE NOT EXISTS (SELECT 1 FROM alerts a WHERE a.alert_id = NEW.event_id);
  INSERT INTO outbox (alert_id)
  SELECT a.alert_id
  FROM alerts a
  WHERE a.alert_id = NEW.event_id AND a.muted_flag = 'N'
    AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.alert_id = NEW.event_id);
END;

-- What a pass of the sweep works on; empty between passes. (In Oracle: global temporary tables.)
CREATE TEMP TABLE IF NOT EXISTS sweep_batch (
  event_id   TEXT NOT NULL PRIMARY KEY,
  series   TEXT NOT NULL,
  at_s     REAL NOT NULL,
  value    REAL NOT NULL,
  given1   REAL,
  given2   REAL,
  by_hand  TEXT NOT NULL
);
CREATE TEMP TABLE IF NOT EXISTS sweep_origin (
  series     TEXT NOT NULL PRIMARY KEY,
  origin_s   REAL NOT NULL,
  centre     REAL NOT NULL,
  w          REAL NOT NULL,
  s1         REAL NOT NULL,
  s2         REAL NOT NULL,
  seen       INTEGER NOT NULL,
  last_s     REAL,
  last_value REAL,
  strange_s  REAL,
  episode_id TEXT
) WITHOUT ROWID;
CREATE TEMP TABLE IF NOT EXISTS sweep_scored (
  event_id   TEXT NOT NULL PRIMARY KEY,
  series   TEXT NOT NULL,
  at_s     REAL NOT NULL,
  value    REAL NOT NULL,
  weight   REAL NOT NULL,
  feature1 REAL,
  feature2 REAL,
  by_hand  TEXT NOT NULL,
  mean     REAL,
  sigma    REAL,
  z        REAL,
  score    REAL,
  strange  TEXT NOT NULL
);
CREATE TEMP TABLE IF NOT EXISTS sweep_strange (
  event_id   TEXT NOT NULL PRIMARY KEY,
  series   TEXT NOT NULL,
  at_s     REAL NOT NULL,
  value    REAL NOT NULL,
  score    REAL NOT NULL,
  begins   INTEGER NOT NULL,
  place    INTEGER NOT NULL,
  episode_id TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS temp.sweep_strange_episode ON sweep_strange (episode_id);
