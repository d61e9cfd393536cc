-- The three functions that the statements of the sweep use, in every database under these names.
CREATE OR REPLACE FUNCTION epoch_s (moment IN TIMESTAMP) RETURN BINARY_DOUBLE DETERMINISTIC IS
  passed INTERVAL DAY(9) TO SECOND(9);
BEGIN
  passed := moment - TIMESTAMP '1970-01-01 00:00:00';
  RETURN EXTRACT(DAY FROM passed) * 86400 + EXTRACT(HOUR FROM passed) * 3600
    + EXTRACT(MINUTE FROM passed) * 60 + EXTRACT(SECOND FROM passed);
END epoch_s;
/

CREATE OR REPLACE FUNCTION epoch_time (seconds IN BINARY_DOUBLE) RETURN TIMESTAMP DETERMINISTIC IS
BEGIN
  RETURN TIMESTAMP '1970-01-01 00:00:00'
    + NUMTODSINTERVAL(ROUND(TO_NUMBER(seconds), 6), 'SECOND');
END epoch_time;
/

-- Four digits, as a person reads them.
CREATE OR REPLACE FUNCTION shown_number (given IN BINARY_DOUBLE) RETURN VARCHAR2 DETERMINISTIC IS
  exact NUMBER;
BEGIN
  IF given IS NULL THEN
    RETURN NULL;
  END IF;
  exact := TO_NUMBER(given);
  IF exact = 0 THEN
    RETURN '0';
  END IF;
  exact := ROUND(exact, LEAST(127, 3 - FLOOR(LOG(10, ABS(exact)))));
  RETURN REGEXP_REPLACE(
    TO_CHAR(exact, 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,'''), '^(-?)\.', '\10.'
  );
END shown_number;
/
