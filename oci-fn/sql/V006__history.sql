-- A series in the order of time and id, page by page, without sorting what is left of it each time.
CREATE INDEX raw_events_history ON raw_events (series, event_time, event_id);
DROP INDEX raw_events_series;
