-- name: capture
-- One upload, beside how far the projection has got. $1 capture_id
SELECT capture_id, party_id, record_time, format, on_error, outcome, log_index, event_count,
       scan_count, duplicate_count, rejection_count, root_hash,
       (SELECT log_index FROM checkpoint WHERE consumer = 'custody') AS projected
  FROM capture
 WHERE capture_id = $1;

-- name: captures_of_all
-- Uploads, newest first. $1 before capture_id  $2 limit
SELECT capture_id, party_id, record_time, format, on_error, outcome, log_index, event_count,
       scan_count, duplicate_count, rejection_count, root_hash,
       (SELECT log_index FROM checkpoint WHERE consumer = 'custody') AS projected
  FROM capture
 WHERE capture_id < $1
 ORDER BY capture_id DESC
 LIMIT $2;

-- name: captures_of_party
-- A party's uploads, newest first. $1 before capture_id  $2 limit  $3 party_id
SELECT capture_id, party_id, record_time, format, on_error, outcome, log_index, event_count,
       scan_count, duplicate_count, rejection_count, root_hash,
       (SELECT log_index FROM checkpoint WHERE consumer = 'custody') AS projected
  FROM capture
 WHERE party_id = $3 AND capture_id < $1
 ORDER BY capture_id DESC
 LIMIT $2;

-- name: rejections
-- What could not be understood in an upload, in its order. $1 capture_id  $2 after ordinal  $3 limit
SELECT ordinal, event_ordinal, pointer, raw, error_code, detail, line
  FROM rejection
 WHERE capture_id = $1 AND ordinal > $2
 ORDER BY ordinal
 LIMIT $3;
