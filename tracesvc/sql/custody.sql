-- name: lock_checkpoint
-- The projector's place in the log; its row lock is what makes a turn exclusive.
SELECT log_index, next_cohort_id
  FROM checkpoint
 WHERE consumer = 'custody'
   FOR UPDATE;

-- name: checkpoint
-- How far the projection has got.
SELECT log_index FROM checkpoint WHERE consumer = 'custody';

-- name: move_checkpoint!
-- $1 log_index  $2 next_cohort_id
UPDATE checkpoint SET log_index = $1, next_cohort_id = $2 WHERE consumer = 'custody';

-- name: members
-- Codes by cohort, and which of them held something that was scanned on its own, and when. Gathered
-- here, because a row for every code costs the driver more than all the rest of a turn.
-- $1 trace_codes
SELECT cohort_id,
       array_agg(trace_code) AS trace_codes,
       coalesce(array_agg(trace_code) FILTER (WHERE inside_seen_time IS NOT NULL), '{}')
           AS seen_codes,
       coalesce(array_agg(inside_seen_time) FILTER (WHERE inside_seen_time IS NOT NULL), '{}')
           AS seen_times
  FROM custody
 WHERE trace_code = ANY($1)
 GROUP BY cohort_id;

-- name: cohorts
-- Cohorts with their states. $1 cohort_ids
SELECT cohort_id, state, code_count, first_event_id, last_event_id
  FROM cohort
 WHERE cohort_id = ANY($1);

-- name: subjects_of
-- What is held against codes and document lines. $1 subjects
SELECT subject, rule_id, event_digest, finding_id, evidence
  FROM finding_subject
 WHERE subject = ANY($1);

-- name: document_events
-- Which events report lines of these documents. $1 actor_ids  $2 document_numbers (pairwise)
SELECT line, event_digest
  FROM document_event
 WHERE (actor_id, document_number) IN (
           SELECT asked.actor_id, asked.document_number
             FROM unnest($1::text[], $2::text[]) AS asked (actor_id, document_number));

-- name: regulators
-- Parties whose voids count for events of others.
SELECT party_id FROM party WHERE party_type = 'regulator';

-- name: move_codes!
-- Puts codes into other cohorts. $1 trace_codes  $2 cohort_ids (pairwise)
UPDATE custody
   SET cohort_id = moved.cohort_id
  FROM unnest($1::text[], $2::bigint[]) AS moved (trace_code, cohort_id)
 WHERE custody.trace_code = moved.trace_code;

-- name: note_inside_seen!
-- Notes times, never earlier than those noted before: a turn may re-fold what once was inside a
-- container without having read the container. $1 trace_codes  $2 times (pairwise)
UPDATE custody
   SET inside_seen_time = greatest(custody.inside_seen_time, noted.inside_seen_time)
  FROM unnest($1::text[], $2::timestamptz[]) AS noted (trace_code, inside_seen_time)
 WHERE custody.trace_code = noted.trace_code;

-- name: update_cohorts!
-- Writes cohorts that are stored already; arrays stand pairwise.
-- $1 cohort_ids  $2 code_counts  $3 states  $4 statuses  $5 holder_ids  $6 product_codes  $7 lots
-- $8 parent_codes  $9 first_event_ids  $10 last_event_ids
UPDATE cohort
   SET code_count = new.code_count, state = new.state, status = new.status,
       holder_id = new.holder_id, product_code = new.product_code, lot = new.lot,
       parent_code = new.parent_code, first_event_id = new.first_event_id,
       last_event_id = new.last_event_id
  FROM unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
              $8::text[], $9::uuid[], $10::uuid[])
       AS new (cohort_id, code_count, state, status, holder_id, product_code, lot, parent_code,
               first_event_id, last_event_id)
 WHERE cohort.cohort_id = new.cohort_id;

-- name: delete_cohorts!
-- $1 cohort_ids
DELETE FROM cohort WHERE cohort_id = ANY($1);

-- name: add_documents!
-- $1 actor_ids  $2 document_numbers  $3 event_digests  $4 lines (pairwise)
INSERT INTO document_event (actor_id, document_number, event_digest, line)
SELECT actor_id, document_number, event_digest, line
  FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[])
       AS new (actor_id, document_number, event_digest, line)
    ON CONFLICT DO NOTHING;

-- name: remove_subjects
-- Takes subjects off their findings; returns those that were there.
-- $1 subjects  $2 rule_ids  $3 event_digests (pairwise)
DELETE FROM finding_subject AS held
 USING unnest($1::text[], $2::text[], $3::bytea[]) AS gone (subject, rule_id, event_digest)
 WHERE held.subject = gone.subject
   AND held.rule_id = gone.rule_id
   AND held.event_digest = gone.event_digest
RETURNING held.subject, held.rule_id, held.event_digest, held.finding_id;

-- name: add_subjects
-- Puts subjects under findings; says which were new and not only given other evidence.
-- $1 subjects  $2 rule_ids  $3 event_digests  $4 finding_ids  $5 evidence (pairwise)
INSERT INTO finding_subject (subject, rule_id, event_digest, finding_id, evidence)
SELECT subject, rule_id, event_digest, finding_id, evidence
  FROM unnest($1::text[], $2::text[], $3::bytea[], $4::uuid[], $5::text[])
       AS new (subject, rule_id, event_digest, finding_id, evidence)
    ON CONFLICT (subject, rule_id, event_digest)
    DO UPDATE SET evidence = excluded.evidence, finding_id = excluded.finding_id
RETURNING subject, rule_id, event_digest, finding_id, (xmax = 0) AS is_new;

-- name: ensure_findings!
-- Makes the heads of findings that subjects are about to be counted under; arrays stand pairwise.
INSERT INTO finding (
    finding_id, rule_id, rule_version, severity, actor_id, from_id, to_id, document_number,
    product_code, lot, event_id, event_time, opens_time, detail, subject_count
)
SELECT finding_id, rule_id, rule_version, severity, actor_id, from_id, to_id, document_number,
       product_code, lot, event_id, event_time, opens_time, detail, 0
  FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[],
              $8::text[], $9::text[], $10::text[], $11::uuid[], $12::timestamptz[],
              $13::timestamptz[], $14::text[])
       AS new (finding_id, rule_id, rule_version, severity, actor_id, from_id, to_id,
               document_number, product_code, lot, event_id, event_time, opens_time, detail)
    ON CONFLICT DO NOTHING;

-- name: count_subjects
-- Adds to the subject counts of findings and returns the counts after. $1 finding_ids  $2 deltas
UPDATE finding
   SET subject_count = subject_count + change.delta
  FROM unnest($1::uuid[], $2::int[]) AS change (finding_id, delta)
 WHERE finding.finding_id = change.finding_id
RETURNING finding.finding_id, finding.rule_id, finding.subject_count;

-- name: journal!
-- Says why findings came or went; arrays stand pairwise.
INSERT INTO finding_change (
    finding_id, change, subject_count, event_id, capture_id, log_index, record_time
)
SELECT finding_id, change, subject_count, event_id, capture_id, log_index, $7
  FROM unnest($1::uuid[], $2::text[], $3::int[], $4::uuid[], $5::uuid[], $6::bigint[])
       AS new (finding_id, change, subject_count, event_id, capture_id, log_index);

-- name: view_digest
-- Per table, the row count and two sums of row hashes: equal contents give equal lines, in whatever
-- order rows are stored. Sums, unlike a hash over sorted rows, need no memory and run in parallel.
SELECT 'custody' AS part, count(*) AS row_count,
       coalesce(sum(hashtextextended(c.trace_code || chr(31) || s.state, 1)::numeric), 0) AS sum_1,
       coalesce(sum(hashtextextended(c.trace_code || chr(31) || s.state, 2)::numeric), 0) AS sum_2
  FROM custody AS c
  JOIN cohort AS s ON s.cohort_id = c.cohort_id
 UNION ALL
SELECT 'cohort', count(*), sum(code_count), 0
  FROM cohort
HAVING sum(code_count) <> (SELECT count(*) FROM custody)
 UNION ALL
SELECT 'finding_subject', count(*),
       coalesce(sum(hashtextextended(concat_ws(chr(31), subject, rule_id, encode(event_digest, 'hex'), finding_id, evidence), 1)::numeric), 0),
       coalesce(sum(hashtextextended(concat_ws(chr(31), subject, rule_id, encode(event_digest, 'hex'), finding_id, evidence), 2)::numeric), 0)
  FROM finding_subject
 UNION ALL
SELECT 'finding', count(*),
       coalesce(sum(hashtextextended(concat_ws(chr(31), finding_id, rule_id, rule_version, actor_id, document_number, product_code, lot, subject_count), 1)::numeric), 0),
       coalesce(sum(hashtextextended(concat_ws(chr(31), finding_id, rule_id, rule_version, actor_id, document_number, product_code, lot, subject_count), 2)::numeric), 0)
  FROM finding
 WHERE subject_count > 0
 UNION ALL
SELECT 'document_event', count(*),
       coalesce(sum(hashtextextended(concat_ws(chr(31), actor_id, document_number, encode(event_digest, 'hex'), line), 1)::numeric), 0),
       coalesce(sum(hashtextextended(concat_ws(chr(31), actor_id, document_number, encode(event_digest, 'hex'), line), 2)::numeric), 0)
  FROM document_event;
