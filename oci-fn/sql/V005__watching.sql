-- What each row was judged against, so that a band can be drawn: in the units of the series, or of
-- its rate per second where it is a counter (then rate holds what was judged).
ALTER TABLE raw_events ADD (expected BINARY_DOUBLE);
ALTER TABLE raw_events ADD (low_value BINARY_DOUBLE);
ALTER TABLE raw_events ADD (high_value BINARY_DOUBLE);
ALTER TABLE raw_events ADD (rate BINARY_DOUBLE);
ALTER TABLE raw_events ADD (view_name VARCHAR2(30));

-- The stream key of a record in quarantine, which names the series of an event that does not.
ALTER TABLE quarantine ADD (source_key VARCHAR2(1024));

-- What came back out of quarantine, noted in the transaction that applied it.
CREATE TABLE redrives (
  quarantine_id VARCHAR2(64) NOT NULL,
  outcome       VARCHAR2(30) NOT NULL,
  events        NUMBER(15) NOT NULL,
  payload       CLOB,
  redriven_by   VARCHAR2(256) NOT NULL,
  redriven_time TIMESTAMP NOT NULL,
  CONSTRAINT pk_redrives PRIMARY KEY (quarantine_id)
);
CREATE INDEX redrives_time ON redrives (redriven_time);

-- How far the detector has come with the history of a series (see history.py).
CREATE TABLE backfills (
  series       VARCHAR2(256) NOT NULL,
  detector     BLOB NOT NULL,
  after_time   TIMESTAMP NOT NULL,
  after_id     VARCHAR2(256) NOT NULL,
  last_value   BINARY_DOUBLE,
  episode_id   VARCHAR2(256),
  events       NUMBER(15) NOT NULL,
  updated_time TIMESTAMP NOT NULL,
  CONSTRAINT pk_backfills PRIMARY KEY (series)
);
CREATE INDEX alerts_series ON alerts (series, event_time);
