-- A row that somebody flags by hand is an alert, too. Rows that the sweep judges are not yet
-- processed, and the function's are new: neither fires this.
CREATE OR REPLACE TRIGGER notify_anomaly
AFTER UPDATE OF anomaly_flag ON raw_events
FOR EACH ROW
WHEN (NEW.anomaly_flag = 'Y' AND OLD.anomaly_flag = 'N' AND OLD.processed_flag = 'Y')
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
