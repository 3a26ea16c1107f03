-- name: newest
-- Findings, those that opened last first; parameters that are null leave out their condition.
-- $1 before opens_time  $2 before finding_id  $3 limit  $4 viewing party  $5 now
-- $6 state  $7 rule_id  $8 severity  $9 party  $10 beginning of the actor's region  $11 product
-- $12 lot  $13 document  $14 event_time from (inclusive)  $15 event_time until (exclusive)
SELECT f.finding_id, f.rule_id, f.rule_version, f.severity, f.actor_id, f.from_id, f.to_id,
       f.document_number, f.product_code, f.lot, f.event_id, f.event_time, f.opens_time,
       f.subject_count, f.detail
  FROM finding AS f
 WHERE ($1::timestamptz IS NULL OR (f.opens_time, f.finding_id) < ($1, $2::uuid))
   AND ($4::text IS NULL OR $4 IN (f.actor_id, f.from_id, f.to_id))
   AND CASE coalesce($6::text, 'held')
           WHEN 'open' THEN f.subject_count > 0 AND f.opens_time <= $5
           WHEN 'waiting' THEN f.subject_count > 0 AND f.opens_time > $5
           WHEN 'withdrawn' THEN f.subject_count = 0
           ELSE f.subject_count > 0
       END
   AND ($7::text IS NULL OR f.rule_id = $7)
   AND ($8::text IS NULL OR f.severity = $8)
   AND ($9::text IS NULL OR $9 IN (f.actor_id, f.from_id, f.to_id))
   AND ($10::text IS NULL OR f.actor_id IN (
           SELECT p.party_id FROM party AS p WHERE starts_with(p.region, $10)))
   AND ($11::text IS NULL OR f.product_code = $11)
   AND ($12::text IS NULL OR f.lot = $12)
   AND ($13::text IS NULL OR f.document_number = $13)
   AND ($14::timestamptz IS NULL OR f.event_time >= $14)
   AND ($15::timestamptz IS NULL OR f.event_time < $15)
 ORDER BY f.opens_time DESC, f.finding_id DESC
 LIMIT $3;

-- name: newest_among
-- The same within a few findings, which the planner must not look for along the whole list.
-- $1 to $15 as above  $16 finding_ids
SELECT f.finding_id, f.rule_id, f.rule_version, f.severity, f.actor_id, f.from_id, f.to_id,
       f.document_number, f.product_code, f.lot, f.event_id, f.event_time, f.opens_time,
       f.subject_count, f.detail
  FROM finding AS f
 WHERE f.finding_id = ANY($16::uuid[])
   AND ($1::timestamptz IS NULL OR (f.opens_time, f.finding_id) < ($1, $2::uuid))
   AND ($4::text IS NULL OR $4 IN (f.actor_id, f.from_id, f.to_id))
   AND CASE coalesce($6::text, 'held')
           WHEN 'open' THEN f.subject_count > 0 AND f.opens_time <= $5
           WHEN 'waiting' THEN f.subject_count > 0 AND f.opens_time > $5
           WHEN 'withdrawn' THEN f.subject_count = 0
           ELSE f.subject_count > 0
       END
   AND ($7::text IS NULL OR f.rule_id = $7)
   AND ($8::text IS NULL OR f.severity = $8)
   AND ($9::text IS NULL OR $9 IN (f.actor_id, f.from_id, f.to_id))
   AND ($10::text IS NULL OR f.actor_id IN (
           SELECT p.party_id FROM party AS p WHERE starts_with(p.region, $10)))
   AND ($11::text IS NULL OR f.product_code = $11)
   AND ($12::text IS NULL OR f.lot = $12)
   AND ($13::text IS NULL OR f.document_number = $13)
   AND ($14::timestamptz IS NULL OR f.event_time >= $14)
   AND ($15::timestamptz IS NULL OR f.event_time < $15)
 ORDER BY f.opens_time DESC, f.finding_id DESC
 LIMIT $3;

-- name: about_code
-- Findings that are held against a code now. $1 trace_code
SELECT DISTINCT finding_id FROM finding_subject WHERE subject = $1;

-- name: raised_by_capture
-- Findings that an upload opened or added subjects to. $1 capture_id
SELECT DISTINCT finding_id
  FROM finding_change
 WHERE capture_id = $1 AND change IN ('opened', 'changed');

-- name: finding
-- One finding. $1 finding_id
SELECT f.finding_id, f.rule_id, f.rule_version, f.severity, f.actor_id, f.from_id, f.to_id,
       f.document_number, f.product_code, f.lot, f.event_id, f.event_time, f.opens_time,
       f.subject_count, f.detail
  FROM finding AS f
 WHERE f.finding_id = $1;

-- name: subjects
-- A finding's subjects in order. $1 finding_id  $2 after subject  $3 after event_digest  $4 limit
SELECT subject, event_digest, evidence
  FROM finding_subject
 WHERE finding_id = $1
   AND (subject, event_digest) > ($2, $3)
 ORDER BY subject, event_digest
 LIMIT $4;

-- name: ids_of_digests
-- Which events these digests are. $1 digests
SELECT digest, event_id FROM event_digest WHERE digest = ANY($1);

-- name: changes
-- A finding's journal in order. $1 finding_id  $2 after change_id  $3 limit
SELECT change_id, change, subject_count, event_id, capture_id, log_index, record_time
  FROM finding_change
 WHERE finding_id = $1 AND change_id > $2
 ORDER BY change_id
 LIMIT $3;

-- name: held_against
-- What one rule holds against subjects now. $1 subjects  $2 rule_id
SELECT subject, rule_id, event_digest, finding_id, evidence
  FROM finding_subject
 WHERE subject = ANY($1) AND rule_id = $2;
