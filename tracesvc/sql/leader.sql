-- name: try_lead
-- Takes a task's lock for the session if it is free. Locks belong to a database, and on a cluster
-- to the coordinator. $1 task
SELECT pg_try_advisory_lock(hashtext('tracesvc'), hashtext($1));
