-- What the container's application user needs beside what it has: jobs.
ALTER SESSION SET CONTAINER = FREEPDB1;
GRANT CREATE JOB, CREATE VIEW, CREATE TRIGGER, CREATE PROCEDURE TO millrace;
