-- name: lock
-- Lets one process migrate a database at a time; waits. Released when the connection closes.
SELECT pg_advisory_lock(hashtextextended('tracesvc.migrate', 0));

-- name: create_schema!
-- Where the record of applied files lives.
CREATE SCHEMA IF NOT EXISTS tracesvc;

-- name: create_table!
-- The record of applied files. Made by the runner because the first file is recorded in it.
CREATE TABLE IF NOT EXISTS tracesvc.schema_migration (
    name         text        COLLATE "C" NOT NULL,
    sha256       bytea       NOT NULL,
    record_time  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT schema_migration_pkey PRIMARY KEY (name)
);

-- name: has_table
-- Whether the runner has been here before.
SELECT to_regclass('tracesvc.schema_migration') IS NOT NULL;

-- name: applied
-- Name and SHA-256 of the files applied so far, in order.
SELECT name, sha256 FROM tracesvc.schema_migration ORDER BY name;

-- name: record!
-- $1 name  $2 sha256
INSERT INTO tracesvc.schema_migration (name, sha256) VALUES ($1, $2);

-- name: has_citus
-- Whether this database is a Citus database.
SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus');

-- name: citus_placed
-- Tables that Citus already manages, as schema.table.
SELECT n.nspname || '.' || c.relname AS table_name
  FROM pg_dist_partition AS p
  JOIN pg_class AS c ON c.oid = p.logicalrelid
  JOIN pg_namespace AS n ON n.oid = c.relnamespace;
