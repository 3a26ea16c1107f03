-- name: tree_size
-- How many captures the tree covers.
SELECT coalesce(
    (SELECT node_index + 1 FROM log_tree WHERE level = 0 ORDER BY node_index DESC LIMIT 1), 0);

-- name: fetch_nodes
-- Nodes of the tree by place. $1 levels  $2 node_indices
SELECT t.level, t.node_index, t.hash
  FROM unnest($1::smallint[], $2::bigint[]) AS wanted (level, node_index)
  JOIN log_tree AS t ON t.level = wanted.level AND t.node_index = wanted.node_index;

-- name: leaves_after
-- What the captures say of themselves, in log order, to compare with the tree.
-- $1 log_index (exclusive)  $2 page size
SELECT log_index, capture_id, root_hash, event_count, duplicates
  FROM capture
 WHERE log_index > $1
 ORDER BY log_index
 LIMIT $2;

-- name: event_digests
-- The digests of a capture's stored events, and whether each is that of its body.
-- $1 first event_id  $2 last event_id
SELECT ordinal, digest, sha256(convert_to(body, 'UTF8')) = digest AS is_true
  FROM trace_event
 WHERE event_id BETWEEN $1 AND $2;

-- name: digests_of
-- Digests of events by id. $1 event_ids
SELECT event_id, digest FROM trace_event WHERE event_id = ANY($1);
