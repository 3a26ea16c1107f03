-- 0002_custody_view.pre.sql: what the projector derives from the log, and the journal of findings.
-- Everything in schema tracesvc_view can be dropped and folded again from the log; `tracesvc rebuild`
-- does just that into a second schema and swaps the two by name. Safe on a live system: creates only.
SET LOCAL lock_timeout = '4s';
SET LOCAL statement_timeout = '30s';

-- Codes in the same state share one cohort: it is stored, read and written once for all of them.
CREATE TABLE tracesvc_view.cohort (
    cohort_id      bigint NOT NULL,
    code_count     integer NOT NULL CHECK (code_count > 0),
    -- Canonical JSON of the state; the columns below repeat what lists search by.
    state          text COLLATE "C" NOT NULL,
    status         text COLLATE "C" NOT NULL,
    holder_id      text COLLATE "C",
    product_code   text COLLATE "C",
    lot            text COLLATE "C",
    parent_code    text COLLATE "C",
    -- The smallest and greatest event ids that name these codes: reads of the log prune by them.
    first_event_id uuid NOT NULL,
    last_event_id  uuid NOT NULL,
    PRIMARY KEY (cohort_id)
) WITH (fillfactor = 70);

CREATE INDEX cohort_lot ON tracesvc_view.cohort (product_code, lot);

CREATE INDEX cohort_holder ON tracesvc_view.cohort (holder_id, status);

-- One narrow row per code. Moving a whole cohort does not touch it.
CREATE TABLE tracesvc_view.custody (
    trace_code       text COLLATE "C" NOT NULL,
    cohort_id        bigint NOT NULL,
    -- The latest event time of anything that was inside this code when it was scanned on its own:
    -- an event of this code dated before that changes more than this code.
    inside_seen_time timestamptz,
    PRIMARY KEY (trace_code)
) WITH (fillfactor = 80);

-- Which events report a line of which document: what rule F20 looks at.
CREATE TABLE tracesvc_view.document_event (
    actor_id        text COLLATE "C" NOT NULL,
    document_number text COLLATE "C" NOT NULL,
    event_digest    bytea NOT NULL,
    line            text COLLATE "C" NOT NULL,
    PRIMARY KEY (actor_id, document_number, event_digest)
);

-- A finding groups what one cause did: one rule, one document (or event), one product and lot.
CREATE TABLE tracesvc_view.finding (
    finding_id      uuid NOT NULL,
    rule_id         text COLLATE "C" NOT NULL,
    rule_version    integer NOT NULL,
    severity        text COLLATE "C" NOT NULL,
    actor_id        text COLLATE "C" NOT NULL,
    from_id         text COLLATE "C",
    to_id           text COLLATE "C",
    document_number text COLLATE "C",
    product_code    text COLLATE "C",
    lot             text COLLATE "C",
    event_id        uuid NOT NULL,
    event_time      timestamptz NOT NULL,
    opens_time      timestamptz NOT NULL,
    detail          text COLLATE "C" NOT NULL,
    subject_count   integer NOT NULL CHECK (subject_count >= 0),
    PRIMARY KEY (finding_id)
) WITH (fillfactor = 80);

-- Lists are read newest first.
CREATE INDEX finding_newest ON tracesvc_view.finding (opens_time DESC, finding_id DESC);

CREATE INDEX finding_rule ON tracesvc_view.finding (rule_id, finding_id);

CREATE INDEX finding_actor ON tracesvc_view.finding (actor_id, finding_id);

-- What a finding is about: a trace code, or a document line, and the events that prove it.
CREATE TABLE tracesvc_view.finding_subject (
    subject      text COLLATE "C" NOT NULL,
    rule_id      text COLLATE "C" NOT NULL,
    event_digest bytea NOT NULL,
    finding_id   uuid NOT NULL,
    evidence     text COLLATE "C" NOT NULL,
    PRIMARY KEY (subject, rule_id, event_digest)
);

CREATE INDEX finding_subject_finding ON tracesvc_view.finding_subject (finding_id, subject);

-- How far the projection has got. Swapped together with what it describes.
CREATE TABLE tracesvc_view.checkpoint (
    consumer       text COLLATE "C" NOT NULL,
    log_index      bigint NOT NULL,
    next_cohort_id bigint NOT NULL,
    PRIMARY KEY (consumer)
);

INSERT INTO tracesvc_view.checkpoint (consumer, log_index, next_cohort_id) VALUES ('custody', -1, 1);

-- Why a finding came or went. Survives a rebuild: the view says what holds, the journal what was said.
CREATE TABLE tracesvc.finding_change (
    change_id     bigint GENERATED ALWAYS AS IDENTITY,
    finding_id    uuid NOT NULL,
    change        text COLLATE "C" NOT NULL CHECK (change IN ('opened', 'changed', 'withdrawn')),
    subject_count integer NOT NULL,
    -- The event whose arrival caused the change, and the capture that brought it.
    event_id      uuid NOT NULL,
    capture_id    uuid NOT NULL,
    log_index     bigint NOT NULL,
    record_time   timestamptz NOT NULL,
    PRIMARY KEY (change_id)
);

CREATE INDEX finding_change_finding ON tracesvc.finding_change (finding_id, change_id);

CREATE INDEX finding_change_capture ON tracesvc.finding_change (capture_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tracesvc_view TO tracesvc_service;

GRANT SELECT, INSERT ON tracesvc.finding_change TO tracesvc_service;
