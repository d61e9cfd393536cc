-- What a row needs beyond the tutorial's columns. Times are UTC.
ALTER TABLE raw_events MODIFY (event_id VARCHAR2(256));
ALTER TABLE raw_events ADD (series VARCHAR2(256) DEFAULT 'default' NOT NULL);
ALTER TABLE raw_events ADD (score BINARY_DOUBLE);
ALTER TABLE raw_events ADD (reason VARCHAR2(1000));
ALTER TABLE raw_events ADD (late_flag CHAR(1) DEFAULT 'N' NOT NULL);
ALTER TABLE raw_events ADD (scored_by VARCHAR2(10));
ALTER TABLE raw_events ADD (source_stream VARCHAR2(512));
ALTER TABLE raw_events ADD (source_partition VARCHAR2(512));
ALTER TABLE raw_events ADD (source_offset NUMBER(20));
ALTER TABLE raw_events ADD (received_time TIMESTAMP DEFAULT SYS_EXTRACT_UTC(SYSTIMESTAMP) NOT NULL);

-- Only the rows that nobody judged yet are in this index, so a sweep costs what is new.
CREATE INDEX raw_events_new ON raw_events (CASE processed_flag WHEN 'N' THEN 'N' END);
CREATE UNIQUE INDEX raw_events_place ON raw_events (source_stream, source_partition, source_offset);
CREATE INDEX raw_events_series ON raw_events (series, event_time);
CREATE INDEX raw_events_received ON raw_events (received_time);
