-- How far a row's time may lie ahead of its arrival. A day, as the half-life: it covers every time
-- zone, and what comes after a row that is so far ahead still has half of its weight.
ALTER TABLE sweep_settings ADD (future_s BINARY_DOUBLE DEFAULT 86400 NOT NULL);
ALTER TABLE sweep_settings ADD CONSTRAINT ck_sweep_settings_future CHECK (future_s >= 0);

-- What was blinded by such a clock begins anew: it would see nothing until its time has come.
DELETE FROM sweep_state
WHERE last_s > (CAST(SYS_EXTRACT_UTC(SYSTIMESTAMP) AS DATE) - DATE '1970-01-01') * 86400 + 86400;
