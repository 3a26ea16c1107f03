-- name: code_history
-- Every scan of codes and of all their containers, with the heads of the events: first heads
-- (trace_code is null), then scans (only the first and the last two columns are filled).
-- $1 trace_codes  $2 packing levels above them  $3 limit of scans
SELECT h.event_id, h.digest, h.kind, h.reason, h.bill_type, h.event_time, h.event_offset_min,
       h.record_time, h.actor_id, h.from_id, h.to_id, h.owner_id, h.carrier_id, h.location,
       h.document_number, h.document_part, h.product_code, h.lot, h.made_on, h.expiry,
       h.parent_code, h.declared_count, h.scan_count, h.portion, h.voids, h.trace_code, h.scan_role
  FROM code_history($1, $2, $3) AS h;

-- name: voids_of
-- Events that void or correct the events with these digests. $1 digests
SELECT e.event_id, e.digest, e.kind, e.reason, e.bill_type, e.event_time, e.event_offset_min,
       e.record_time, e.actor_id, e.from_id, e.to_id, e.owner_id, e.carrier_id, e.location,
       e.document_number, e.document_part, e.product_code, e.lot, e.made_on, e.expiry,
       e.parent_code, e.declared_count, e.scan_count, e.portion, e.voids
  FROM trace_event AS e
 WHERE e.voids = ANY($1);

-- name: contested
-- Events, with their bodies, of lines of these documents that more than one event reports; a line is
-- what tracesvc.domain.rules.bill_reuse says. The first recorded come first.
-- $1 actor_ids  $2 document_numbers (pairwise)  $3 limit
WITH report AS MATERIALIZED (
    SELECT e.event_id,
           count(*) OVER (
               PARTITION BY e.actor_id, e.document_number, e.kind, coalesce(e.reason, ''),
                            coalesce(e.document_part, ''), coalesce(e.product_code, ''),
                            coalesce(e.lot, '')
           ) AS report_count
      FROM unnest($1::text[], $2::text[]) AS named (actor_id, document_number)
      JOIN trace_event AS e
        ON e.actor_id = named.actor_id AND e.document_number = named.document_number
)
SELECT e.event_id, e.digest, e.kind, e.reason, e.bill_type, e.event_time, e.event_offset_min,
       e.record_time, e.actor_id, e.from_id, e.to_id, e.owner_id, e.carrier_id, e.location,
       e.document_number, e.document_part, e.product_code, e.lot, e.made_on, e.expiry,
       e.parent_code, e.declared_count, e.scan_count, e.portion, e.voids,
       e.ordinal, e.body
  FROM report
  JOIN trace_event AS e ON e.event_id = report.event_id
 WHERE report.report_count > 1
 ORDER BY e.event_id
 LIMIT $3;

-- name: packs_into
-- Bodies of the pack events of containers. $1 parent_codes
SELECT parent_code, body
  FROM trace_event
 WHERE parent_code = ANY($1) AND kind = 'pack';

-- name: regulators
-- Parties whose voids count for events of others.
SELECT party_id FROM party WHERE party_type = 'regulator';
