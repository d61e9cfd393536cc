-- A row that somebody else flags is an alert, too, as soon as it is flagged and processed, in
-- whatever order (of a row that is inserted, everything old is null); of a muted series it is kept
-- and not sent. What the function stores and the sweep judges has alerts of its own.
CREATE OR REPLACE TRIGGER notify_anomaly
AFTER INSERT OR UPDATE OF anomaly_flag, processed_flag ON raw_events
FOR EACH ROW
WHEN (
  NEW.anomaly_flag = 'Y' AND NEW.processed_flag = 'Y'
  AND (COALESCE(OLD.anomaly_flag, 'N') = 'N' OR COALESCE(OLD.processed_flag, 'N') = 'N')
  AND (OLD.processed_flag = 'Y' OR COALESCE(NEW.scored_by, 'hand') NOT IN ('function', 'sweep'))
)
BEGIN
  INSERT INTO alerts (alert_id, series, event_time, metric_value, score, reason, raised_by,
    muted_flag)
  SELECT :NEW.event_id, :NEW.series, :NEW.event_time, :NEW.metric_value, :NEW.score,
         'flagged by hand', 'hand',
         CASE WHEN ROUND(epoch_s(:NEW.event_time) * 1000)
                   < (SELECT m.muted_until_ms FROM series_settings m WHERE m.series = :NEW.series)
              THEN 'Y' ELSE 'N' END
  FROM dual
  WHERE NOT EXISTS (SELECT 1 FROM alerts a WHERE a.alert_id = :NEW.event_id);
  INSERT INTO outbox (alert_id)
  SELECT a.alert_id
  FROM alerts a
  WHERE a.alert_id = :NEW.event_id AND a.muted_flag = 'N'
    AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.alert_id = :NEW.event_id);
END;
/
