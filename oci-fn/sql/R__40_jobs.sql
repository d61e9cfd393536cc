-- The tutorial's job, every two minutes, and the purge, every night. Made anew when they change.
CREATE OR REPLACE PROCEDURE anomaly_detection_proc IS
BEGIN
  millrace_anomaly.run;
END anomaly_detection_proc;
/

BEGIN
  FOR job IN (
    SELECT job_name FROM user_scheduler_jobs
    WHERE job_name IN ('ANOMALY_JOB', 'ANOMALY_PURGE_JOB')
  ) LOOP
    DBMS_SCHEDULER.DROP_JOB(job.job_name, TRUE);
  END LOOP;
END;
/

BEGIN
  DBMS_SCHEDULER.CREATE_JOB(
    job_name        => 'ANOMALY_JOB',
    job_type        => 'PLSQL_BLOCK',
    job_action      => 'BEGIN anomaly_detection_proc; END;',
    repeat_interval => 'FREQ=MINUTELY;INTERVAL=2;',
    enabled         => TRUE,
    comments        => 'Judges rows that came in by other ways than the function; sends alerts'
  );
END;
/

BEGIN
  DBMS_SCHEDULER.CREATE_JOB(
    job_name        => 'ANOMALY_PURGE_JOB',
    job_type        => 'PLSQL_BLOCK',
    job_action      => 'BEGIN millrace_anomaly.purge; END;',
    repeat_interval => 'FREQ=DAILY;BYHOUR=3;BYMINUTE=17;',
    enabled         => TRUE,
    comments        => 'Deletes what is older than the retention'
  );
END;
/
