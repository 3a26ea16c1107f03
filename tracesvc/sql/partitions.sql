-- name: ensure_partitions
-- Makes missing month partitions of the log and returns how many.
-- $1 from_month  $2 months
SELECT ensure_partitions($1::date, $2::integer);

-- name: has_partitions
-- Whether every partitioned log table can take in rows of a month. $1 year and month, as YYYY_MM
SELECT count(*) = 4
  FROM pg_inherits AS i
  JOIN pg_class AS part ON part.oid = i.inhrelid
  JOIN pg_class AS parent ON parent.oid = i.inhparent
 WHERE parent.relnamespace = 'tracesvc'::regnamespace
   AND parent.relkind = 'p'
   AND part.relname = parent.relname || '_' || $1::text;
