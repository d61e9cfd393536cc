-- Once, as ADMIN of the Autonomous Database: the pipeline's user, and what it may do.
-- The password is that of the secret in the Vault: SQLcl asks for it.
ACCEPT password CHAR PROMPT 'Password of MILLRACE: ' HIDE
CREATE USER millrace IDENTIFIED BY "&password" QUOTA UNLIMITED ON data;
GRANT CREATE SESSION, CREATE TABLE, CREATE VIEW, CREATE PROCEDURE, CREATE TRIGGER, CREATE JOB TO millrace;
-- For alerts that the database sends by itself (see pipeline_settings):
GRANT EXECUTE ON DBMS_CLOUD_NOTIFICATION TO millrace;
EXEC DBMS_CLOUD_ADMIN.ENABLE_RESOURCE_PRINCIPAL(username => 'MILLRACE');
