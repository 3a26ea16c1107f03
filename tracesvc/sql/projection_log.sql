-- name: captures_page
-- The next captures in log order with their sizes. $1 log_index (exclusive)  $2 page size
SELECT capture_id, log_index, event_count, scan_count
  FROM capture
 WHERE log_index > $1
 ORDER BY log_index
 LIMIT $2;

-- name: events_of_captures
-- Events of captures with their bodies. $1 first event_ids  $2 last event_ids
SELECT e.event_id, e.digest, e.kind, e.reason, e.bill_type, e.event_time, e.event_offset_min,
       e.record_time, e.actor_id, e.from_id, e.to_id, e.owner_id, e.carrier_id, e.location,
       e.document_number, e.document_part, e.product_code, e.lot, e.made_on, e.expiry,
       e.parent_code, e.declared_count, e.scan_count, e.portion, e.voids,
       e.capture_id, e.ordinal, e.body
  FROM unnest($1::uuid[], $2::uuid[]) AS span (first_id, last_id)
  JOIN trace_event AS e ON e.event_id BETWEEN span.first_id AND span.last_id;

-- name: scans_of_codes
-- Every scan of the codes. $1 trace_codes
SELECT trace_code, event_id, role
  FROM scan
 WHERE trace_code = ANY($1);

-- name: heads_upto
-- Heads of events whose captures are numbered up to a log index. Events behind it are in the log
-- already, but a turn must not see them: it would attribute their effects to other captures.
-- $1 event_ids  $2 log_index (inclusive)
SELECT e.event_id, e.digest, e.kind, e.reason, e.bill_type, e.event_time, e.event_offset_min,
       e.record_time, e.actor_id, e.from_id, e.to_id, e.owner_id, e.carrier_id, e.location,
       e.document_number, e.document_part, e.product_code, e.lot, e.made_on, e.expiry,
       e.parent_code, e.declared_count, e.scan_count, e.portion, e.voids
  FROM trace_event AS e
  JOIN capture AS c ON c.capture_id = e.capture_id
 WHERE e.event_id = ANY($1)
   AND c.log_index <= $2;

-- name: packs_upto
-- Bodies of the pack events of containers, up to a log index. $1 parent_codes  $2 log_index
SELECT e.parent_code, e.body
  FROM trace_event AS e
  JOIN capture AS c ON c.capture_id = e.capture_id
 WHERE e.parent_code = ANY($1)
   AND e.kind = 'pack'
   AND c.log_index <= $2;

-- name: voids_upto
-- Events that name others as void, up to a log index. $1 digests  $2 log_index
SELECT e.event_id, e.digest, e.kind, e.reason, e.bill_type, e.event_time, e.event_offset_min,
       e.record_time, e.actor_id, e.from_id, e.to_id, e.owner_id, e.carrier_id, e.location,
       e.document_number, e.document_part, e.product_code, e.lot, e.made_on, e.expiry,
       e.parent_code, e.declared_count, e.scan_count, e.portion, e.voids
  FROM trace_event AS e
  JOIN capture AS c ON c.capture_id = e.capture_id
 WHERE e.voids = ANY($1)
   AND c.log_index <= $2;

-- name: events_of_digests
-- Events by identity, with their bodies, up to a log index. $1 digests  $2 log_index
SELECT e.event_id, e.digest, e.kind, e.reason, e.bill_type, e.event_time, e.event_offset_min,
       e.record_time, e.actor_id, e.from_id, e.to_id, e.owner_id, e.carrier_id, e.location,
       e.document_number, e.document_part, e.product_code, e.lot, e.made_on, e.expiry,
       e.parent_code, e.declared_count, e.scan_count, e.portion, e.voids,
       e.capture_id, e.ordinal, e.body
  FROM event_digest AS d
  JOIN trace_event AS e ON e.event_id = d.event_id
  JOIN capture AS c ON c.capture_id = e.capture_id
 WHERE d.digest = ANY($1)
   AND c.log_index <= $2;

-- name: log_end
-- The last log index given out, -1 for an empty log.
SELECT coalesce(max(log_index), -1) FROM capture WHERE log_index IS NOT NULL;
