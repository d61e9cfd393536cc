-- What the function knows of each series, and what follows from its rows.
CREATE TABLE series_state (
  series       VARCHAR2(256) NOT NULL,
  detector     BLOB NOT NULL,
  newest_ms    NUMBER(15),
  last_value   BINARY_DOUBLE,
  events       NUMBER(15) NOT NULL,
  late_events  NUMBER(15) NOT NULL,
  episode_id   VARCHAR2(256),
  heeded       NUMBER(10) NOT NULL,
  updated_time TIMESTAMP NOT NULL,
  CONSTRAINT pk_series_state PRIMARY KEY (series)
);

CREATE TABLE series_settings (
  series         VARCHAR2(256) NOT NULL,
  sensitivity    BINARY_DOUBLE DEFAULT 1 NOT NULL,
  muted_until_ms NUMBER(15),
  false_alarms   NUMBER(10) DEFAULT 0 NOT NULL,
  CONSTRAINT pk_series_settings PRIMARY KEY (series),
  CONSTRAINT ck_series_sensitivity CHECK (sensitivity > 0)
);

CREATE TABLE alerts (
  alert_id          VARCHAR2(256) NOT NULL,
  series            VARCHAR2(256) NOT NULL,
  event_time        TIMESTAMP,
  metric_value      NUMBER,
  score             BINARY_DOUBLE,
  expected          BINARY_DOUBLE,
  low_value         BINARY_DOUBLE,
  high_value        BINARY_DOUBLE,
  reason            VARCHAR2(1000) NOT NULL,
  raised_by         VARCHAR2(10) NOT NULL,
  muted_flag        CHAR(1) DEFAULT 'N' NOT NULL,
  raised_time       TIMESTAMP DEFAULT SYS_EXTRACT_UTC(SYSTIMESTAMP) NOT NULL,
  acknowledged_time TIMESTAMP,
  acknowledged_by   VARCHAR2(256),
  false_alarm_flag  CHAR(1) DEFAULT 'N' NOT NULL,
  CONSTRAINT pk_alerts PRIMARY KEY (alert_id),
  CONSTRAINT ck_alerts_raised_by CHECK (raised_by IN ('function', 'sweep', 'hand'))
);
CREATE INDEX alerts_raised ON alerts (raised_time);

CREATE TABLE episodes (
  episode_id     VARCHAR2(256) NOT NULL,
  series         VARCHAR2(256) NOT NULL,
  start_time     TIMESTAMP NOT NULL,
  end_time       TIMESTAMP NOT NULL,
  peak_time      TIMESTAMP NOT NULL,
  peak_score     BINARY_DOUBLE NOT NULL,
  peak_value     BINARY_DOUBLE NOT NULL,
  strange_points NUMBER(15) NOT NULL,
  CONSTRAINT pk_episodes PRIMARY KEY (episode_id)
);
CREATE INDEX episodes_series ON episodes (series, start_time);

CREATE TABLE outbox (
  alert_id     VARCHAR2(256) NOT NULL,
  digest_id    VARCHAR2(64),
  created_time TIMESTAMP DEFAULT SYS_EXTRACT_UTC(SYSTIMESTAMP) NOT NULL,
  CONSTRAINT pk_outbox PRIMARY KEY (alert_id)
);
CREATE INDEX outbox_waiting ON outbox (CASE WHEN digest_id IS NULL THEN 'N' END);
CREATE INDEX outbox_digest ON outbox (digest_id);

CREATE TABLE digests (
  digest_id      VARCHAR2(64) NOT NULL,
  title          VARCHAR2(1000) NOT NULL,
  body           CLOB NOT NULL,
  created_ms     NUMBER(15) NOT NULL,
  due_ms         NUMBER(15) NOT NULL,
  tried_ms       NUMBER(15) NOT NULL,
  attempts       NUMBER(10) NOT NULL,
  delivered_flag CHAR(1) DEFAULT 'N' NOT NULL,
  delivered_ms   NUMBER(15),
  message_id     VARCHAR2(500),
  problem        VARCHAR2(4000),
  CONSTRAINT pk_digests PRIMARY KEY (digest_id)
);
CREATE INDEX digests_due ON digests (delivered_flag, due_ms);
CREATE INDEX digests_tried ON digests (tried_ms);

CREATE TABLE quarantine (
  quarantine_id    VARCHAR2(64) NOT NULL,
  reason           VARCHAR2(100) NOT NULL,
  message          VARCHAR2(4000) NOT NULL,
  source_stream    VARCHAR2(512),
  source_partition VARCHAR2(512),
  source_offset    NUMBER(20),
  payload          CLOB,
  received_time    TIMESTAMP NOT NULL,
  CONSTRAINT pk_quarantine PRIMARY KEY (quarantine_id)
);
CREATE INDEX quarantine_received ON quarantine (received_time);

-- Rows that are held while digests are made, and while a sweep runs.
CREATE TABLE locks (
  name VARCHAR2(30) NOT NULL,
  CONSTRAINT pk_locks PRIMARY KEY (name)
);
INSERT INTO locks (name) VALUES ('outbox');
INSERT INTO locks (name) VALUES ('sweep');

-- Texts that the package reads: topic_ocid, where alerts go from the database.
CREATE TABLE pipeline_settings (
  name  VARCHAR2(30) NOT NULL,
  value VARCHAR2(500),
  CONSTRAINT pk_pipeline_settings PRIMARY KEY (name)
);
