-- Once, as ADMIN: a user for BI tools and Grafana. It reads the views, and nothing else: no table,
-- no state of a detector, no payload in quarantine. SQLcl asks for its password.
ACCEPT password CHAR PROMPT 'Password of MILLRACE_READER: ' HIDE
CREATE USER millrace_reader IDENTIFIED BY "&password";
GRANT CREATE SESSION TO millrace_reader;
GRANT READ ON millrace.v_points TO millrace_reader;
GRANT READ ON millrace.v_alerts TO millrace_reader;
GRANT READ ON millrace.v_episodes TO millrace_reader;
GRANT READ ON millrace.v_series_health TO millrace_reader;
GRANT READ ON millrace.v_hourly TO millrace_reader;
GRANT READ ON millrace.v_quarantine TO millrace_reader;
GRANT READ ON millrace.v_pipeline TO millrace_reader;
-- So that queries need no owner before the name of a view.
CREATE SYNONYM millrace_reader.v_points FOR millrace.v_points;
CREATE SYNONYM millrace_reader.v_alerts FOR millrace.v_alerts;
CREATE SYNONYM millrace_reader.v_episodes FOR millrace.v_episodes;
CREATE SYNONYM millrace_reader.v_series_health FOR millrace.v_series_health;
CREATE SYNONYM millrace_reader.v_hourly FOR millrace.v_hourly;
CREATE SYNONYM millrace_reader.v_quarantine FOR millrace.v_quarantine;
CREATE SYNONYM millrace_reader.v_pipeline FOR millrace.v_pipeline;
