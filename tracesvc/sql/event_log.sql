-- name: claim_key
-- Claims an idempotency key, or returns nothing where it is taken. Waits for a concurrent claimant
-- to commit or to give up.
-- $1 party_id  $2 idempotency_key  $3 capture_id  $4 request_sha256
INSERT INTO capture_key (party_id, idempotency_key, capture_id, request_sha256)
VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING
RETURNING capture_id;

-- name: key_claim
-- Who holds an idempotency key.
-- $1 party_id  $2 idempotency_key
SELECT capture_id, request_sha256
  FROM capture_key
 WHERE party_id = $1 AND idempotency_key = $2;

-- name: claim_digests
-- Claims digests for their events and counts the claims that succeeded. The offer comes sorted, so
-- that two captures with common events wait for each other in one order and never in a circle.
-- Counted here and not taken from the command tag, which on Citus counts rows offered.
-- $1 digests (sorted)  $2 event_ids
WITH claimed AS (
    INSERT INTO event_digest (digest, event_id)
    SELECT digest, event_id FROM unnest($1::bytea[], $2::uuid[]) AS offer (digest, event_id)
        ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT count(*) FROM claimed;

-- name: digest_owners
-- The event that holds each digest. $1 digests
SELECT digest, event_id FROM event_digest WHERE digest = ANY($1);

-- name: insert_capture!
-- The capture's own row, unnumbered.
INSERT INTO capture (
    capture_id, party_id, idempotency_key, format, on_error, payload_sha256, request_sha256,
    record_time, event_count, scan_count, duplicate_count, rejection_count, root_hash, duplicates,
    outcome
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15);

-- name: fetch_capture
-- One capture. $1 capture_id
SELECT capture_id, party_id, record_time, outcome, log_index, event_count, scan_count,
       duplicate_count, rejection_count, root_hash, duplicates
  FROM capture
 WHERE capture_id = $1;

-- name: fetch_event_digests
-- The events a capture stored, in ordinal order. $1 first event_id  $2 last event_id
SELECT ordinal, event_id, digest
  FROM trace_event
 WHERE event_id BETWEEN $1 AND $2
 ORDER BY event_id;

-- name: fetch_digests_of
-- Digests of events by id. $1 event_ids
SELECT event_id, digest FROM trace_event WHERE event_id = ANY($1);

-- name: fetch_rejections
-- A capture's rejections in order. $1 capture_id
SELECT ordinal, event_ordinal, pointer, line, raw, error_code, detail
  FROM rejection
 WHERE capture_id = $1
 ORDER BY ordinal;

-- name: heads
-- Events by id. $1 event_ids
SELECT e.event_id, e.digest, e.kind, e.reason, e.bill_type, e.event_time, e.event_offset_min,
       e.record_time, e.actor_id, e.from_id, e.to_id, e.owner_id, e.carrier_id, e.location,
       e.document_number, e.document_part, e.product_code, e.lot, e.made_on, e.expiry,
       e.parent_code, e.declared_count, e.scan_count, e.portion, e.voids
  FROM trace_event AS e
 WHERE e.event_id = ANY($1)
 ORDER BY e.event_id;

-- name: captures_after
-- Pages the log in its order. Whoever catches up reads by this and nothing else.
-- $1 log_index (exclusive)  $2 page size
SELECT capture_id, log_index, party_id, record_time, event_count, scan_count
  FROM capture
 WHERE log_index > $1
 ORDER BY log_index
 LIMIT $2;

-- name: events_of
-- Events of captures, in the order of the arrays, then by ordinal.
-- $1 first event_ids  $2 last event_ids
SELECT e.event_id, e.digest, e.kind, e.reason, e.bill_type, e.event_time, e.event_offset_min,
       e.record_time, e.actor_id, e.from_id, e.to_id, e.owner_id, e.carrier_id, e.location,
       e.document_number, e.document_part, e.product_code, e.lot, e.made_on, e.expiry,
       e.parent_code, e.declared_count, e.scan_count, e.portion, e.voids,
       e.capture_id, e.ordinal, e.body
  FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS span (first_id, last_id, nth)
  JOIN trace_event AS e ON e.event_id BETWEEN span.first_id AND span.last_id
 ORDER BY span.nth, e.event_id;
