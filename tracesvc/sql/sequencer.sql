-- name: tree_size
-- How many captures are numbered; the next log index.
SELECT coalesce(
    (SELECT node_index + 1 FROM log_tree WHERE level = 0 ORDER BY node_index DESC LIMIT 1), 0);

-- name: unsequenced
-- Committed captures without a place, oldest id first. $1 page size
SELECT capture_id, event_count, scan_count, root_hash
  FROM capture
 WHERE log_index IS NULL
 ORDER BY capture_id
 LIMIT $1;

-- name: visible_events
-- How many events of each capture can be seen, by its place in the arrays; none is left out.
-- $1 first event_ids  $2 last event_ids
SELECT span.nth, count(*) AS event_count
  FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS span (first_id, last_id, nth)
  JOIN trace_event AS e ON e.event_id BETWEEN span.first_id AND span.last_id
 GROUP BY span.nth;

-- name: bodies_of
-- The bodies of a capture's events, for the codes in them. $1 first event_id  $2 last event_id
SELECT body, parent_code FROM trace_event WHERE event_id BETWEEN $1 AND $2;

-- name: visible_scans
-- How many scans of these codes a capture has that can be seen.
-- $1 trace_codes  $2 first event_id  $3 last event_id
SELECT count(*) FROM scan WHERE trace_code = ANY($1) AND event_id BETWEEN $2 AND $3;

-- name: assign_log_index
-- Numbers captures in the order of the array. $1 capture_ids  $2 first log_index
SELECT assign_log_index($1::uuid[], $2::bigint);

-- name: insert_nodes!
-- Adds nodes to the tree. $1 levels  $2 node_indices  $3 hashes
INSERT INTO log_tree (level, node_index, hash)
SELECT level, node_index, hash
  FROM unnest($1::smallint[], $2::bigint[], $3::bytea[]) AS node (level, node_index, hash);

-- name: fetch_nodes
-- Nodes of the tree by place. $1 levels  $2 node_indices
SELECT t.level, t.node_index, t.hash
  FROM unnest($1::smallint[], $2::bigint[]) AS wanted (level, node_index)
  JOIN log_tree AS t ON t.level = wanted.level AND t.node_index = wanted.node_index;
