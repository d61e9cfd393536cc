-- The sweep, the way of alerts out of the database, and retention.
CREATE OR REPLACE PACKAGE millrace_anomaly AS
  -- Judge the rows with processed_flag = 'N'. p_ran is 0 where another sweep was at it.
  PROCEDURE sweep (
    p_found OUT NUMBER, p_strange OUT NUMBER, p_alerts OUT NUMBER, p_ran OUT NUMBER
  );

  -- Send the digests of alerts that are due to the topic of pipeline_settings: as many as a minute
  -- takes, or until one is refused.
  PROCEDURE deliver;

  -- Delete what came in before so many days. Streams keep seven days at most, and within them
  -- an event may come again: fewer than eight days are refused.
  PROCEDURE purge (p_keep_days IN NUMBER DEFAULT 90);

  -- What the job runs: a sweep, then a delivery, whatever became of the sweep.
  PROCEDURE run;
END millrace_anomaly;
/

CREATE OR REPLACE PACKAGE BODY millrace_anomaly AS
  c_most_alerts CONSTANT NUMBER := 100;
  c_most_bytes  CONSTANT NUMBER := 60000;
  c_a_minute    CONSTANT NUMBER := 10;
  c_minute_ms   CONSTANT NUMBER := 60000;
  c_retry_ms    CONSTANT NUMBER := 6000;
  c_lease_ms    CONSTANT NUMBER := 60000;
  c_longest_ms  CONSTANT NUMBER := 600000;
  c_purge_rows  CONSTANT NUMBER := 10000;

  row_is_held EXCEPTION;
  PRAGMA EXCEPTION_INIT(row_is_held, -54);

  -- Opened, it locks the rows of a pass. Who flags one of them then waits, and finds it judged: else
  -- the sweep would write over a flag that it did not see.
  CURSOR c_new_rows IS
    SELECT r.event_id FROM raw_events r
    WHERE CASE r.processed_flag WHEN 'N' THEN 'N' END = 'N'
    FOR UPDATE;

  FUNCTION now_ms RETURN NUMBER IS
  BEGIN
    RETURN ROUND(TO_NUMBER(epoch_s(SYS_EXTRACT_UTC(SYSTIMESTAMP))) * 1000);
  END now_ms;

  -- A note of its own transaction: it stays when the run is rolled back.
  PROCEDURE note_run (
    p_found IN NUMBER, p_strange IN NUMBER, p_alerts IN NUMBER, p_outcome IN VARCHAR2,
    p_problem IN VARCHAR2
  ) IS
    PRAGMA AUTONOMOUS_TRANSACTION;
  BEGIN
    INSERT INTO sweep_runs (rows_judged, strange, alerts, outcome, problem)
    VALUES (p_found, p_strange, p_alerts, p_outcome, p_problem);
    COMMIT;
  END note_run;

  -- One pass, in the words of sweep.sql, which the tests run in SQLite.
  PROCEDURE one_pass (
    p_settled OUT NUMBER, p_found OUT NUMBER, p_strange OUT NUMBER, p_alerts OUT NUMBER
  ) IS
  BEGIN
    UPDATE raw_events
    SET processed_flag = 'Y', scored_by = CASE anomaly_flag WHEN 'Y' THEN 'hand' ELSE 'sweep' END,
        reason = CASE
          WHEN metric_value IS NULL OR metric_value <= -1e125 OR metric_value >= 1e125
            THEN 'not judged: no number below 1e125'
          WHEN epoch_s(event_time) IS NULL THEN 'not judged: no time'
          ELSE 'not judged: its time is too far ahead of its arrival' END
    WHERE CASE processed_flag WHEN 'N' THEN 'N' END = 'N'
      AND (metric_value IS NULL OR metric_value <= -1e125 OR metric_value >= 1e125
           OR epoch_s(event_time) IS NULL
           OR epoch_s(event_time) > epoch_s(received_time)
              + (SELECT c.future_s FROM sweep_settings c));
    p_settled := SQL%ROWCOUNT;

    DELETE FROM sweep_batch;

    DELETE FROM sweep_origin;

    DELETE FROM sweep_scored;

    DELETE FROM sweep_strange;

    INSERT INTO sweep_batch (event_id, series, at_s, value, given1, given2, by_hand)
    SELECT event_id, series, epoch_s(event_time), metric_value, feature1, feature2,
           CASE WHEN anomaly_flag = 'Y' AND scored_by IS NULL THEN 'Y' ELSE 'N' END
    FROM raw_events
    WHERE CASE processed_flag WHEN 'N' THEN 'N' END = 'N'
      AND metric_value IS NOT NULL AND epoch_s(event_time) IS NOT NULL;

    INSERT INTO sweep_origin (series, origin_s, centre, w, s1, s2, seen, last_s, last_value,
      strange_s, episode_id)
    SELECT x.series, x.origin_s, x.centre, x.w * x.fade, x.s1 * x.fade, x.s2 * x.fade, x.seen,
           x.last_s, x.last_value, x.strange_s, x.episode_id
    FROM (
      SELECT f.series,
             CASE WHEN s.last_s >= f.at_s THEN s.last_s ELSE f.at_s END AS origin_s,
             COALESCE(s.centre, f.value) AS centre,
             COALESCE(s.w, 0) AS w, COALESCE(s.s1, 0) AS s1, COALESCE(s.s2, 0) AS s2,
             COALESCE(s.seen, 0) AS seen, s.last_s, s.last_value, s.strange_s, s.episode_id,
             CASE WHEN s.last_s IS NULL OR s.last_s >= f.at_s THEN 1
                  WHEN (f.at_s - s.last_s) / c.half_life_s > 1000 THEN 0
                  ELSE EXP(-0.6931471805599453 * (f.at_s - s.last_s) / c.half_life_s) END AS fade
      FROM (
        SELECT b.series, b.at_s, b.value,
               ROW_NUMBER() OVER (PARTITION BY b.series ORDER BY b.at_s, b.event_id) AS place
        FROM sweep_batch b
      ) f
      LEFT JOIN sweep_state s ON s.series = f.series
      CROSS JOIN sweep_settings c
      WHERE f.place = 1
    ) x;

    DELETE FROM sweep_batch
    WHERE EXISTS (
      SELECT 1 FROM sweep_origin o CROSS JOIN sweep_settings c
      WHERE o.series = sweep_batch.series
        AND (sweep_batch.at_s - o.origin_s) / c.half_life_s > 144
    );

    INSERT INTO sweep_scored (event_id, series, at_s, value, weight, feature1, feature2, by_hand,
      mean, sigma, z, score, strange)
    SELECT r.event_id, r.series, r.at_s, r.value, r.weight,
           COALESCE(r.given1, r.value - r.previous),
           COALESCE(r.given2, CASE WHEN r.previous <> 0 AND ABS(r.value) < 1e125 * ABS(r.previous)
                                   THEN r.value / r.previous END),
           r.by_hand, r.centre + r.mean, r.sigma, r.z, ABS(r.z) / r.threshold,
           CASE WHEN ABS(r.z) >= r.threshold THEN 'Y' ELSE 'N' END
    FROM (
      SELECT y.*,
             CASE WHEN y.seen_before < y.warm_up OR y.mean IS NULL THEN NULL
                  WHEN y.sigma = 0 AND ABS(y.deviation - y.mean) <= 1e-6 * ABS(y.mean) THEN 0
                  WHEN ABS(y.deviation - y.mean) > 1000 * y.sigma
                    THEN CASE WHEN y.deviation > y.mean THEN 1000 ELSE -1000 END
                  ELSE (y.deviation - y.mean) / y.sigma END AS z
      FROM (
        SELECT v.*,
               SQRT(CASE WHEN v.square - v.mean * v.mean > 1e-12 * v.square
                         THEN v.square - v.mean * v.mean ELSE 0 END) AS sigma
        FROM (
          SELECT p.event_id, p.series, p.at_s, p.value, p.weight, p.given1, p.given2, p.by_hand,
                 p.centre, p.deviation, p.seen_before, p.threshold, p.warm_up,
                 CASE WHEN p.w_before > 0 THEN p.s1_before / p.w_before END AS mean,
                 CASE WHEN p.w_before > 0 THEN p.s2_before / p.w_before END AS square,
                 CASE WHEN p.lag_s IS NOT NULL
                           AND (p.last_s IS NULL OR p.lag_s >= p.last_s OR p.at_s < p.last_s)
                        THEN p.lag_value
                      WHEN p.at_s >= p.last_s THEN p.last_value END AS previous
          FROM (
            SELECT u.*,
                   u.w + COALESCE(SUM(u.weight) OVER (
                     PARTITION BY u.series ORDER BY u.at_s, u.event_id
                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS w_before,
                   u.s1 + COALESCE(SUM(u.weight * u.deviation) OVER (
                     PARTITION BY u.series ORDER BY u.at_s, u.event_id
                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS s1_before,
                   u.s2 + COALESCE(SUM(u.weight * u.deviation * u.deviation) OVER (
                     PARTITION BY u.series ORDER BY u.at_s, u.event_id
                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS s2_before,
                   u.seen + ROW_NUMBER() OVER (
                     PARTITION BY u.series ORDER BY u.at_s, u.event_id) - 1 AS seen_before,
                   LAG(u.at_s) OVER (PARTITION BY u.series ORDER BY u.at_s, u.event_id) AS lag_s,
                   LAG(u.value) OVER (PARTITION BY u.series ORDER BY u.at_s, u.event_id) AS lag_value
            FROM (
              SELECT b.event_id, b.series, b.at_s, b.value, b.given1, b.given2, b.by_hand,
                     o.centre, o.w, o.s1, o.s2, o.seen, o.last_s, o.last_value,
                     c.threshold, c.warm_up, b.value - o.centre AS deviation,
                     EXP(0.6931471805599453 * (b.at_s - o.origin_s) / c.half_life_s) AS weight
              FROM sweep_batch b
              JOIN sweep_origin o ON o.series = b.series
              CROSS JOIN sweep_settings c
            ) u
          ) p
        ) v
      ) y
    ) r;
    p_found := SQL%ROWCOUNT;

    INSERT INTO sweep_strange (event_id, series, at_s, value, score, begins, place, episode_id)
    SELECT w.event_id, w.series, w.at_s, w.value, w.score, w.begins,
           ROW_NUMBER() OVER (PARTITION BY w.series, w.island
                              ORDER BY w.score DESC, w.at_s, w.event_id),
           CASE WHEN w.island = 0 THEN w.open_episode
                ELSE FIRST_VALUE(w.event_id) OVER (PARTITION BY w.series, w.island
                                                   ORDER BY w.at_s, w.event_id) END
    FROM (
      SELECT t.*,
             SUM(t.begins) OVER (PARTITION BY t.series ORDER BY t.at_s, t.event_id
                                 ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS island
      FROM (
        SELECT g.event_id, g.series, g.at_s, g.value, g.score, g.open_episode,
               CASE WHEN g.before_s IS NULL OR g.at_s - g.before_s > g.quiet_s
                    THEN 1 ELSE 0 END AS begins
        FROM (
          SELECT k.event_id, k.series, k.at_s, k.value, k.score, c.quiet_s,
                 o.episode_id AS open_episode,
                 COALESCE(LAG(k.at_s) OVER (PARTITION BY k.series ORDER BY k.at_s, k.event_id),
                          o.strange_s) AS before_s
          FROM sweep_scored k
          JOIN sweep_origin o ON o.series = k.series
          CROSS JOIN sweep_settings c
          WHERE k.strange = 'Y'
        ) g
      ) t
    ) w;
    p_strange := SQL%ROWCOUNT;

    INSERT INTO episodes (episode_id, series, start_time, end_time, peak_time, peak_score,
      peak_value, strange_points)
    SELECT event_id, series, epoch_time(at_s), epoch_time(at_s), epoch_time(at_s), score, value, 0
    FROM sweep_strange
    WHERE begins = 1
      AND NOT EXISTS (SELECT 1 FROM episodes e WHERE e.episode_id = sweep_strange.event_id);

    UPDATE episodes
    SET strange_points = strange_points + (
      SELECT COUNT(*) FROM sweep_strange t WHERE t.episode_id = episodes.episode_id
    )
    WHERE episode_id IN (SELECT t.episode_id FROM sweep_strange t);

    UPDATE episodes
    SET end_time = (
      SELECT epoch_time(MAX(t.at_s)) FROM sweep_strange t WHERE t.episode_id = episodes.episode_id
    )
    WHERE EXISTS (
      SELECT 1 FROM sweep_strange t
      WHERE t.episode_id = episodes.episode_id AND t.at_s > epoch_s(episodes.end_time)
    );

    UPDATE episodes
    SET (peak_time, peak_score, peak_value) = (
      SELECT epoch_time(t.at_s), t.score, t.value
      FROM sweep_strange t
      WHERE t.episode_id = episodes.episode_id AND t.place = 1
    )
    WHERE EXISTS (
      SELECT 1 FROM sweep_strange t
      WHERE t.episode_id = episodes.episode_id AND t.place = 1 AND t.score > episodes.peak_score
    );

    UPDATE raw_events
    SET (feature1, feature2, score, expected, low_value, high_value, reason, anomaly_flag,
         processed_flag, scored_by) = (
      SELECT k.feature1, k.feature2, k.score, CASE WHEN k.z IS NOT NULL THEN k.mean END,
             CASE WHEN k.z IS NOT NULL THEN k.mean - c.threshold * k.sigma END,
             CASE WHEN k.z IS NOT NULL THEN k.mean + c.threshold * k.sigma END,
             CASE WHEN k.z IS NULL THEN 'not judged: among the first values of the series'
                  ELSE 'z-score ' || shown_number(k.z) || ': value ' || shown_number(k.value)
                       || ', expected ' || shown_number(k.mean)
                       || ' with a deviation of ' || shown_number(k.sigma) END,
             CASE WHEN k.strange = 'Y' OR k.by_hand = 'Y' THEN 'Y' ELSE 'N' END, 'Y', 'sweep'
      FROM sweep_scored k
      CROSS JOIN sweep_settings c
      WHERE k.event_id = raw_events.event_id
    )
    WHERE event_id IN (SELECT k.event_id FROM sweep_scored k);

    INSERT INTO alerts (alert_id, series, event_time, metric_value, score, expected, low_value,
      high_value, reason, raised_by, muted_flag)
    SELECT k.event_id, k.series, epoch_time(k.at_s), k.value, k.score, k.mean,
           k.mean - c.threshold * k.sigma, k.mean + c.threshold * k.sigma, r.reason,
           CASE WHEN k.by_hand = 'Y' THEN 'hand' ELSE 'sweep' END,
           CASE WHEN k.at_s * 1000 < m.muted_until_ms THEN 'Y' ELSE 'N' END
    FROM sweep_scored k
    JOIN raw_events r ON r.event_id = k.event_id
    CROSS JOIN sweep_settings c
    LEFT JOIN sweep_strange t ON t.event_id = k.event_id
    LEFT JOIN series_settings m ON m.series = k.series
    WHERE (t.begins = 1 OR k.by_hand = 'Y')
      AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.alert_id = k.event_id);
    p_alerts := SQL%ROWCOUNT;

    INSERT INTO outbox (alert_id)
    SELECT a.alert_id
    FROM sweep_scored k
    JOIN alerts a ON a.alert_id = k.event_id
    WHERE a.muted_flag = 'N'
      AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.alert_id = a.alert_id);

    DELETE FROM sweep_state WHERE series IN (SELECT o.series FROM sweep_origin o);

    INSERT INTO sweep_state (series, centre, w, s1, s2, seen, last_s, last_value, strange_s,
      episode_id)
    SELECT n.series, n.centre, n.w * n.fade, n.s1 * n.fade, n.s2 * n.fade, n.seen,
           n.last_s, n.last_value, n.strange_s, n.episode_id
    FROM (
      SELECT o.series, o.centre, o.w + a.w AS w, o.s1 + a.s1 AS s1, o.s2 + a.s2 AS s2,
             o.seen + a.seen AS seen,
             CASE WHEN o.last_s > a.at_s THEN o.last_s ELSE a.at_s END AS last_s,
             CASE WHEN o.last_s > a.at_s THEN o.last_value ELSE a.value END AS last_value,
             CASE WHEN h.at_s IS NULL OR o.strange_s > h.at_s THEN o.strange_s
                  ELSE h.at_s END AS strange_s,
             COALESCE(h.episode_id, o.episode_id) AS episode_id,
             CASE WHEN o.origin_s >= a.at_s THEN 1
                  ELSE EXP(-0.6931471805599453 * (a.at_s - o.origin_s) / c.half_life_s) END AS fade
      FROM sweep_origin o
      JOIN (
        SELECT e.series, SUM(e.weight) AS w, SUM(e.weight * e.deviation) AS s1,
               SUM(e.weight * e.deviation * e.deviation) AS s2, COUNT(*) AS seen,
               MAX(e.at_s) AS at_s, MAX(CASE WHEN e.place = 1 THEN e.value END) AS value
        FROM (
          SELECT k.series, k.at_s, k.value, k.weight, k.value - q.centre AS deviation,
                 ROW_NUMBER() OVER (PARTITION BY k.series
                                    ORDER BY k.at_s DESC, k.event_id DESC) AS place
          FROM sweep_scored k
          JOIN sweep_origin q ON q.series = k.series
        ) e
        GROUP BY e.series
      ) a ON a.series = o.series
      LEFT JOIN (
        SELECT t.series, t.at_s, t.episode_id,
               ROW_NUMBER() OVER (PARTITION BY t.series
                                  ORDER BY t.at_s DESC, t.event_id DESC) AS place
        FROM sweep_strange t
      ) h ON h.series = o.series AND h.place = 1
      CROSS JOIN sweep_settings c
    ) n;
  END one_pass;

  PROCEDURE sweep (
    p_found OUT NUMBER, p_strange OUT NUMBER, p_alerts OUT NUMBER, p_ran OUT NUMBER
  ) IS
    v_name    locks.name%TYPE;
    v_settled NUMBER;
    v_found   NUMBER;
    v_strange NUMBER;
    v_alerts  NUMBER;
  BEGIN
    p_found := 0;
    p_strange := 0;
    p_alerts := 0;
    p_ran := 1;
    SELECT l.name INTO v_name FROM locks l WHERE l.name = 'sweep' FOR UPDATE NOWAIT;
    LOOP
      OPEN c_new_rows;
      CLOSE c_new_rows;
      one_pass(v_settled, v_found, v_strange, v_alerts);
      p_found := p_found + v_settled + v_found;
      p_strange := p_strange + v_strange;
      p_alerts := p_alerts + v_alerts;
      EXIT WHEN v_found = 0;
    END LOOP;
    COMMIT;
    note_run(p_found, p_strange, p_alerts, 'done', NULL);
  EXCEPTION
    WHEN row_is_held THEN
      ROLLBACK;
      p_ran := 0;
      note_run(0, 0, 0, 'skipped', 'another sweep was running');
    WHEN OTHERS THEN
      ROLLBACK;
      note_run(0, 0, 0, 'failed', SUBSTR(SQLERRM || ' ' || DBMS_UTILITY.FORMAT_ERROR_BACKTRACE, 1, 4000));
      RAISE;
  END sweep;

  FUNCTION entry_of (
    p_id IN VARCHAR2, p_series IN VARCHAR2, p_time IN TIMESTAMP, p_score IN BINARY_DOUBLE,
    p_reason IN VARCHAR2
  ) RETURN VARCHAR2 IS
    v_entry VARCHAR2(32767);
  BEGIN
    SELECT JSON_OBJECT(
      'id' VALUE p_id,
      'series' VALUE p_series,
      'time' VALUE TO_CHAR(p_time, 'YYYY-MM-DD"T"HH24:MI:SS.FF3"Z"'),
      'score' VALUE TO_NUMBER(p_score),
      'reason' VALUE SUBSTR(p_reason, 1, 300)
      RETURNING CLOB
    ) INTO v_entry FROM dual;
    RETURN v_entry;
  END entry_of;

  FUNCTION title_of (p_count IN NUMBER, p_series IN VARCHAR2, p_of IN NUMBER) RETURN VARCHAR2 IS
  BEGIN
    RETURN SUBSTR(
      REGEXP_REPLACE(
        CASE WHEN p_count = 1 THEN 'Anomaly in ' || p_series
             WHEN p_of = 1 THEN p_count || ' anomalies in ' || p_series
             ELSE p_count || ' anomalies in ' || p_of || ' series' END,
        '[[:cntrl:]]', ' '
      ), 1, 200
    );
  END title_of;

  -- A new digest of the oldest alerts that fit; NULL where none waits.
  FUNCTION fresh_digest (p_now_ms IN NUMBER) RETURN VARCHAR2 IS
    v_digest VARCHAR2(64) := LOWER(RAWTOHEX(SYS_GUID()));
    v_body   CLOB;
    v_entry  VARCHAR2(32767);
    v_bytes  NUMBER := 0;
    v_count  NUMBER := 0;
    v_of     NUMBER;
    v_series VARCHAR2(256);
    v_title  digests.title%TYPE;
  BEGIN
    FOR alert IN (
      SELECT a.alert_id, a.series, a.event_time, a.score, a.reason
      FROM outbox o JOIN alerts a ON a.alert_id = o.alert_id
      WHERE CASE WHEN o.digest_id IS NULL THEN 'N' END = 'N'
      ORDER BY a.event_time, a.alert_id
    ) LOOP
      v_entry := entry_of(alert.alert_id, alert.series, alert.event_time, alert.score, alert.reason);
      EXIT WHEN v_count = c_most_alerts
        OR (v_count > 0 AND v_bytes + LENGTHB(v_entry) + 1 > c_most_bytes);
      v_body := v_body || CASE WHEN v_count > 0 THEN ',' END || v_entry;
      v_bytes := v_bytes + LENGTHB(v_entry) + 1;
      v_count := v_count + 1;
      UPDATE outbox SET digest_id = v_digest WHERE alert_id = alert.alert_id;
    END LOOP;
    IF v_count = 0 THEN
      RETURN NULL;
    END IF;
    SELECT COUNT(DISTINCT a.series), MIN(a.series) INTO v_of, v_series
    FROM outbox o JOIN alerts a ON a.alert_id = o.alert_id
    WHERE o.digest_id = v_digest;
    -- SQL cannot call what only this body knows, so values are made before it.
    v_title := title_of(v_count, v_series, v_of);
    v_body := '{"digest":"' || v_digest || '","alerts":[' || v_body || ']}';
    INSERT INTO digests (digest_id, title, body, created_ms, due_ms, tried_ms, attempts)
    VALUES (v_digest, v_title, v_body, p_now_ms, p_now_ms + c_lease_ms, p_now_ms, 1);
    RETURN v_digest;
  END fresh_digest;

  -- Lease the next digest to us: one that waits to be tried again, else a new one.
  FUNCTION claimed_digest RETURN VARCHAR2 IS
    v_name     locks.name%TYPE;
    v_now_ms   NUMBER := now_ms;
    v_tried    NUMBER;
    v_digest   VARCHAR2(64);
  BEGIN
    SELECT l.name INTO v_name FROM locks l WHERE l.name = 'outbox' FOR UPDATE WAIT 15;
    SELECT COUNT(*) INTO v_tried FROM digests d WHERE d.tried_ms > v_now_ms - c_minute_ms;
    IF v_tried >= c_a_minute THEN
      RETURN NULL;
    END IF;
    SELECT MIN(d.digest_id) KEEP (DENSE_RANK FIRST ORDER BY d.created_ms, d.digest_id)
    INTO v_digest
    FROM digests d
    WHERE d.delivered_flag = 'N' AND d.due_ms <= v_now_ms;
    IF v_digest IS NULL THEN
      RETURN fresh_digest(v_now_ms);
    END IF;
    UPDATE digests
    SET attempts = attempts + 1, tried_ms = v_now_ms, due_ms = v_now_ms + c_lease_ms
    WHERE digest_id = v_digest;
    RETURN v_digest;
  END claimed_digest;

  -- By name at run time, for only an Autonomous Database has that package.
  PROCEDURE publish (p_topic IN VARCHAR2, p_title IN VARCHAR2, p_body IN CLOB) IS
    v_params CLOB;
  BEGIN
    SELECT JSON_OBJECT('topic_ocid' VALUE p_topic, 'title' VALUE p_title RETURNING CLOB)
    INTO v_params FROM dual;
    EXECUTE IMMEDIATE
      'BEGIN DBMS_CLOUD_NOTIFICATION.SEND_MESSAGE(provider => ''oci'', credential_name => ''OCI$RESOURCE_PRINCIPAL'', message => :body, params => :params); END;'
      USING p_body, v_params;
  END publish;

  -- Whether a digest was delivered; not, where none is due or the topic refused it.
  FUNCTION delivered_one (p_topic IN VARCHAR2) RETURN BOOLEAN IS
    v_digest   VARCHAR2(64);
    v_title    digests.title%TYPE;
    v_body     CLOB;
    v_attempts NUMBER;
    v_problem  VARCHAR2(4000);
    v_now_ms   NUMBER;
  BEGIN
    v_digest := claimed_digest;
    COMMIT;
    IF v_digest IS NULL THEN
      RETURN FALSE;
    END IF;
    SELECT d.title, d.body, d.attempts INTO v_title, v_body, v_attempts
    FROM digests d
    WHERE d.digest_id = v_digest;
    BEGIN
      publish(p_topic, v_title, v_body);
    EXCEPTION
      WHEN OTHERS THEN
        v_problem := SUBSTR(SQLERRM, 1, 1000);
        v_now_ms := now_ms;
        UPDATE digests
        SET due_ms = v_now_ms + LEAST(c_longest_ms, c_retry_ms * POWER(2, LEAST(attempts, 10))),
            problem = v_problem
        WHERE digest_id = v_digest AND delivered_flag = 'N' AND attempts = v_attempts;
        COMMIT;
        RETURN FALSE;
    END;
    v_now_ms := now_ms;
    UPDATE digests
    SET delivered_flag = 'Y', delivered_ms = v_now_ms, problem = NULL
    WHERE digest_id = v_digest;
    COMMIT;
    RETURN TRUE;
  END delivered_one;

  PROCEDURE deliver IS
    v_topic pipeline_settings.value%TYPE;
  BEGIN
    SELECT MAX(s.value) INTO v_topic FROM pipeline_settings s WHERE s.name = 'topic_ocid';
    IF v_topic IS NOT NULL THEN
      FOR turn IN 1 .. c_a_minute LOOP
        EXIT WHEN NOT delivered_one(v_topic);
      END LOOP;
    END IF;
  END deliver;

  PROCEDURE purge (p_keep_days IN NUMBER DEFAULT 90) IS
    v_before    TIMESTAMP;
    v_before_ms NUMBER;
  BEGIN
    IF p_keep_days < 8 THEN
      RAISE_APPLICATION_ERROR(-20001, 'keep at least 8 days: streams deliver again what is 7 days old');
    END IF;
    v_before := SYS_EXTRACT_UTC(SYSTIMESTAMP) - NUMTODSINTERVAL(p_keep_days, 'DAY');
    v_before_ms := ROUND(TO_NUMBER(epoch_s(v_before)) * 1000);
    DELETE FROM outbox WHERE digest_id IN (
      SELECT d.digest_id FROM digests d WHERE d.delivered_flag = 'Y' AND d.delivered_ms < v_before_ms
    );
    DELETE FROM digests WHERE delivered_flag = 'Y' AND delivered_ms < v_before_ms;
    DELETE FROM alerts WHERE raised_time < v_before
      AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.alert_id = alerts.alert_id);
    DELETE FROM episodes WHERE end_time < v_before
      AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.alert_id = episodes.episode_id);
    DELETE FROM quarantine WHERE received_time < v_before;
    DELETE FROM redrives WHERE redriven_time < v_before;
    DELETE FROM sweep_runs WHERE finished_time < v_before;
    COMMIT;
    -- An event stays as long as its alert: its id, come again, must not raise that one anew.
    LOOP
      DELETE FROM raw_events
      WHERE received_time < v_before AND processed_flag = 'Y' AND ROWNUM <= c_purge_rows
        AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.alert_id = raw_events.event_id);
      EXIT WHEN SQL%ROWCOUNT = 0;
      COMMIT;
    END LOOP;
    -- What is known of series that nobody sends any more. Their settings stay.
    DELETE FROM series_state WHERE updated_time < v_before
      AND NOT EXISTS (SELECT 1 FROM raw_events r WHERE r.series = series_state.series);
    DELETE FROM sweep_state WHERE last_s < v_before_ms / 1000
      AND NOT EXISTS (SELECT 1 FROM raw_events r WHERE r.series = sweep_state.series);
    COMMIT;
  END purge;

  PROCEDURE run IS
    v_found   NUMBER;
    v_strange NUMBER;
    v_alerts  NUMBER;
    v_ran     NUMBER;
    v_problem VARCHAR2(1000);
  BEGIN
    BEGIN
      sweep(v_found, v_strange, v_alerts, v_ran);
    EXCEPTION
      WHEN OTHERS THEN
        v_problem := SUBSTR(SQLERRM, 1, 1000);
    END;
    deliver;
    -- The job's own log shows it, too.
    IF v_problem IS NOT NULL THEN
      RAISE_APPLICATION_ERROR(-20002, 'the sweep failed: ' || v_problem);
    END IF;
  END run;
END millrace_anomaly;
/
