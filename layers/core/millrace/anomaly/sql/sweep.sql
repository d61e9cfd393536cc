-- The sweep: one pass over the rows with processed_flag = 'N', set by set, in one transaction.
--
-- The same text runs in SQLite and, verbatim, in the PL/SQL package; both have the functions
-- epoch_s (time to seconds), epoch_time (back) and shown_number. What it computes is defined by
-- sweep.py, statement by statement. Passes are repeated until one finds nothing.

-- :settle rows that nobody can judge; one that is flagged all the same raises its alert by the trigger
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

-- :clear
DELETE FROM sweep_batch;
-- :clear
DELETE FROM sweep_origin;
-- :clear
DELETE FROM sweep_scored;
-- :clear
DELETE FROM sweep_strange;

-- :pass the new rows, found by their index; one that was judged before was flagged by that
INSERT INTO sweep_batch (event_id, series, at_s, value, given1, given2, by_hand)
SELECT event_id, series, epoch_s(event_time), metric_value, feature1, feature2,
       CASE WHEN anomaly_flag = 'Y' AND scored_by IS NULL THEN 'Y' ELSE 'N' END
FROM raw_events
WHERE CASE processed_flag WHEN 'N' THEN 'N' END = 'N'
  AND metric_value IS NOT NULL AND epoch_s(event_time) IS NOT NULL;

-- :pass where each series stands, its sums faded to the origin of this pass
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

-- :pass rows whose weight would grow beyond a number wait for the next pass
DELETE FROM sweep_batch
WHERE EXISTS (
  SELECT 1 FROM sweep_origin o CROSS JOIN sweep_settings c
  WHERE o.series = sweep_batch.series
    AND (sweep_batch.at_s - o.origin_s) / c.half_life_s > 144
);

-- :rows every row against what was known before it
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

-- :strange strange rows and their episodes: one goes on while its strange rows come close enough
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

-- :pass
INSERT INTO episodes (episode_id, series, start_time, end_time, peak_time, peak_score,
  peak_value, strange_points)
SELECT event_id, series, epoch_time(at_s), epoch_time(at_s), epoch_time(at_s), score, value, 0
FROM sweep_strange
WHERE begins = 1
  AND NOT EXISTS (SELECT 1 FROM episodes e WHERE e.episode_id = sweep_strange.event_id);

-- :pass
UPDATE episodes
SET strange_points = strange_points + (
  SELECT COUNT(*) FROM sweep_strange t WHERE t.episode_id = episodes.episode_id
)
WHERE episode_id IN (SELECT t.episode_id FROM sweep_strange t);

-- :pass
UPDATE episodes
SET end_time = (
  SELECT epoch_time(MAX(t.at_s)) FROM sweep_strange t WHERE t.episode_id = episodes.episode_id
)
WHERE EXISTS (
  SELECT 1 FROM sweep_strange t
  WHERE t.episode_id = episodes.episode_id AND t.at_s > epoch_s(episodes.end_time)
);

-- :pass
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

-- :pass the rows themselves; a flag that somebody set by hand stays
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

-- :alerts one an episode, and one for each row that came in flagged
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

-- :pass
INSERT INTO outbox (alert_id)
SELECT a.alert_id
FROM sweep_scored k
JOIN alerts a ON a.alert_id = k.event_id
WHERE a.muted_flag = 'N'
  AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.alert_id = a.alert_id);

-- :pass the next state of each series
DELETE FROM sweep_state WHERE series IN (SELECT o.series FROM sweep_origin o);

-- :pass
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
