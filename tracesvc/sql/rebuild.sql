-- name: lock_rebuild
-- One rebuild at a time; says no at once.
SELECT pg_try_advisory_lock(hashtext('tracesvc'), hashtext('rebuild'));

-- name: drop_next!
-- What a rebuild that did not end left behind.
DROP SCHEMA IF EXISTS tracesvc_view_next CASCADE;

-- name: create_next!
CREATE SCHEMA tracesvc_view_next;

-- name: view_tables
-- Every table a second view needs.
SELECT tablename::text FROM pg_tables WHERE schemaname = 'tracesvc_view' ORDER BY tablename;

-- name: copy_table
-- The statement that makes one empty table of the second view, names quoted. $1 schema  $2 table
SELECT format('CREATE TABLE tracesvc_view_next.%I (LIKE %I.%I INCLUDING ALL)', $2::text, $1::text, $2::text);

-- name: grant_next!
GRANT USAGE ON SCHEMA tracesvc_view_next TO tracesvc_service;

-- name: grant_next_tables!
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tracesvc_view_next TO tracesvc_service;

-- name: start_next!
INSERT INTO tracesvc_view_next.checkpoint (consumer, log_index, next_cohort_id)
VALUES ('custody', -1, 1);

-- name: hold_present
-- Waits for the present view's turn to end and keeps the next one from starting.
SELECT log_index FROM tracesvc_view.checkpoint WHERE consumer = 'custody' FOR UPDATE;

-- name: keep_withdrawn!
-- Findings that hold no longer are not in the log's fold, but lists show them beside their journal.
INSERT INTO tracesvc_view_next.finding (
    finding_id, rule_id, rule_version, severity, actor_id, from_id, to_id, document_number,
    product_code, lot, event_id, event_time, opens_time, detail, subject_count
)
SELECT finding_id, rule_id, rule_version, severity, actor_id, from_id, to_id, document_number,
       product_code, lot, event_id, event_time, opens_time, detail, 0
  FROM tracesvc_view.finding
 WHERE subject_count = 0
    ON CONFLICT DO NOTHING;

-- name: drop_trial_journal!
-- The second view wrote its own account of how findings came about; the real journal has told it.
DROP TABLE tracesvc_view_next.finding_change;

-- name: end_present!
-- A projector that waits for this row finds none and begins again on the new view.
DELETE FROM tracesvc_view.checkpoint WHERE consumer = 'custody';

-- name: rename_present!
ALTER SCHEMA tracesvc_view RENAME TO tracesvc_view_old;

-- name: rename_next!
ALTER SCHEMA tracesvc_view_next RENAME TO tracesvc_view;

-- name: drop_old!
DROP SCHEMA IF EXISTS tracesvc_view_old CASCADE;
