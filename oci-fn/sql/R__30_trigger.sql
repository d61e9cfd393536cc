-- A row that somebody else flags is an alert, too, as soon as it is flagged and processed, in
-- whatever order (of a row that is inserted, everything old is null). What the function stores and
-- the sweep judges has alerts of its own.
CREATE OR REPLACE TRIGGER notify_anomaly
AFTER INSERT OR UPDATE OF anomaly_flag, processed_flag ON raw_events
FOR EACH ROW
WHEN (
  NEW.anomaly_flag = 'Y' AND NEW.processed_flag = 'Y'
  AND (COALESCE(OLD.anomaly_flag, 'N') = 'N' OR COALESCE(OLD.processed_flag, 'N') = 'N')
  AND (OLD.processed_flag = 'Y' OR COALESCE(NEW.scored_by, 'hand') NOT IN ('function', 'sweep'))
)
BEGIN
  INSERT INTO alerts (alert_id, series, event_time, metric_value, score, reason, raised_by)
  SELECT :NEW.event_id, :NEW.series, :NEW.event_time, :NEW.metric_value, :NEW.score,
         'flagged by hand', 'hand'
  FROM dual
  WHERE NOT EXISTS (SELECT 1 FROM alerts a WHERE a.alert_id = :NEW.event_id);
  INSERT INTO outbox (alert_id)
  SELECT :NEW.event_id
  FROM dual
  WHERE NOT EXISTS (SELECT 1 FROM outbox o WHERE o.alert_id = :NEW.event_id);
END;
/
