-- 0001_event_log.pre.sql: the append-only log, its sequencer's tree, parties and keys.
-- Safe on a live system: creates what nobody reads yet.
-- Every statement names its schema: `tracesvc` keeps what may never be rebuilt,
-- `tracesvc_view` what `tracesvc rebuild` may drop and fold again.
SET LOCAL lock_timeout = '4s';
SET LOCAL statement_timeout = '60s';

-- The service works as this role. Roles belong to the whole server, so another database may be
-- creating it at this moment; losing that race is success.
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'tracesvc_service') THEN
        CREATE ROLE tracesvc_service NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;

-- Whoever migrates may also serve. A superuser needs no membership; the creator of a role has one
-- from Postgres 16 on that does not allow SET ROLE, so it is granted again in any case. Without the
-- right to grant, somebody who has it must have done so before. Two databases that grant at once
-- collide in the catalog ("tuple concurrently updated"); then the other has done it.
DO $$
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('GRANT tracesvc_service TO %I', current_user);
    END IF;
EXCEPTION
    WHEN internal_error OR unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        IF NOT pg_has_role(current_user, 'tracesvc_service', 'MEMBER') THEN
            RAISE EXCEPTION 'role % may not become tracesvc_service', current_user
                USING ERRCODE = 'insufficient_privilege',
                      HINT = format('As an administrator: GRANT tracesvc_service TO %I', current_user);
        END IF;
END
$$;

CREATE SCHEMA IF NOT EXISTS tracesvc;
CREATE SCHEMA IF NOT EXISTS tracesvc_view;

-- One row per upload. `log_index` is null until the sequencer has numbered the capture.
-- A rolled-back capture keeps its rejections, stores no event and claims no idempotency key.
CREATE TABLE tracesvc.capture (
    capture_id       uuid        NOT NULL,
    party_id         text        COLLATE "C" NOT NULL,
    idempotency_key  text        COLLATE "C",
    format           text        COLLATE "C" NOT NULL,
    on_error         text        COLLATE "C" NOT NULL,
    payload_sha256   bytea       NOT NULL,
    request_sha256   bytea       NOT NULL,
    record_time      timestamptz NOT NULL,
    event_count      integer     NOT NULL,
    scan_count       integer     NOT NULL,
    duplicate_count  integer     NOT NULL,
    rejection_count  integer     NOT NULL,
    root_hash        bytea       NOT NULL,
    duplicates       jsonb       NOT NULL,
    outcome          text        COLLATE "C" NOT NULL,
    log_index        bigint,
    CONSTRAINT capture_pkey PRIMARY KEY (capture_id),
    CONSTRAINT capture_outcome_known CHECK (outcome IN ('accepted', 'rolled_back'))
) PARTITION BY RANGE (capture_id);

-- The sequencer's work list: as short as its backlog, however long the log.
CREATE INDEX capture_unsequenced ON tracesvc.capture (capture_id) WHERE log_index IS NULL;
-- Catching up reads in this order. Uniqueness across partitions is kept by log_tree's key.
CREATE UNIQUE INDEX capture_in_log_order
    ON tracesvc.capture (log_index, capture_id) WHERE log_index IS NOT NULL;
CREATE INDEX capture_by_party ON tracesvc.capture (party_id, capture_id);

-- Why twice is once: claimed in the transaction of the capture that uses it.
CREATE TABLE tracesvc.capture_key (
    party_id         text  COLLATE "C" NOT NULL,
    idempotency_key  text  COLLATE "C" NOT NULL,
    capture_id       uuid  NOT NULL,
    request_sha256   bytea NOT NULL,
    CONSTRAINT capture_key_pkey PRIMARY KEY (party_id, idempotency_key)
);

-- The head of an event as the fold reads it, and the canonical body its digest was taken over.
CREATE TABLE tracesvc.trace_event (
    event_id          uuid        NOT NULL,
    capture_id        uuid        NOT NULL,
    ordinal           integer     NOT NULL,
    digest            bytea       NOT NULL,
    kind              text        COLLATE "C" NOT NULL,
    reason            text        COLLATE "C",
    bill_type         smallint,
    event_time        timestamptz NOT NULL,
    event_offset_min  smallint    NOT NULL,
    record_time       timestamptz NOT NULL,
    actor_id          text        COLLATE "C" NOT NULL,
    from_id           text        COLLATE "C",
    to_id             text        COLLATE "C",
    owner_id          text        COLLATE "C",
    carrier_id        text        COLLATE "C",
    location          text        COLLATE "C",
    document_number   text        COLLATE "C",
    document_part     text        COLLATE "C",
    product_code      text        COLLATE "C",
    lot               text        COLLATE "C",
    made_on           date,
    expiry            date,
    parent_code       text        COLLATE "C",
    declared_count    integer,
    scan_count        integer     NOT NULL,
    portion           integer[],
    voids             bytea,
    body              text        COLLATE "C" NOT NULL,
    CONSTRAINT trace_event_pkey PRIMARY KEY (event_id)
) PARTITION BY RANGE (event_id);

-- Bodies of thousands of codes are the only large values of the log. lz4 costs an append far less
-- than the default compression; a server built without it keeps the default.
DO $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM pg_settings
         WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)
    ) THEN
        ALTER TABLE tracesvc.trace_event ALTER COLUMN body SET COMPRESSION lz4;
    END IF;
END
$$;

-- Each index is paid for by every append: only what cannot be found by code or by capture.
CREATE INDEX trace_event_by_parent
    ON tracesvc.trace_event (parent_code) WHERE parent_code IS NOT NULL;
CREATE INDEX trace_event_by_voided ON tracesvc.trace_event (voids) WHERE voids IS NOT NULL;
CREATE INDEX trace_event_by_document
    ON tracesvc.trace_event (actor_id, document_number) WHERE document_number IS NOT NULL;

-- The index of the log by code. Narrow on purpose: there is one row per code scanned, for ever.
-- `role` is tracesvc.domain.vocabulary.Role.
CREATE TABLE tracesvc.scan (
    trace_code  text     COLLATE "C" NOT NULL,
    event_id    uuid     NOT NULL,
    role        smallint NOT NULL,
    CONSTRAINT scan_pkey PRIMARY KEY (trace_code, event_id)
) PARTITION BY RANGE (event_id);

-- Makes an event count once for ever. Not partitioned: a repetition may come years later.
CREATE TABLE tracesvc.event_digest (
    digest    bytea NOT NULL,
    event_id  uuid  NOT NULL,
    CONSTRAINT event_digest_pkey PRIMARY KEY (digest)
);

-- Records that could not be understood. They have no event, so `event_ordinal` may be null.
CREATE TABLE tracesvc.rejection (
    capture_id     uuid    NOT NULL,
    ordinal        integer NOT NULL,
    event_ordinal  integer,
    pointer        text    COLLATE "C" NOT NULL,
    line           integer,
    raw            text    COLLATE "C" NOT NULL,
    error_code     text    COLLATE "C" NOT NULL,
    detail         text    COLLATE "C" NOT NULL,
    CONSTRAINT rejection_pkey PRIMARY KEY (capture_id, ordinal)
) PARTITION BY RANGE (capture_id);

-- Complete subtrees of the RFC 6962 tree over the captures' root hashes in log order. Level 0 has
-- one row per numbered capture, so its key also makes a log index belong to one capture only.
CREATE TABLE tracesvc.log_tree (
    level       smallint NOT NULL,
    node_index  bigint   NOT NULL,
    hash        bytea    NOT NULL,
    CONSTRAINT log_tree_pkey PRIMARY KEY (level, node_index)
);

CREATE TABLE tracesvc.party (
    party_id     text        COLLATE "C" NOT NULL,
    party_type   text        COLLATE "C" NOT NULL,
    name         text        COLLATE "C" NOT NULL,
    region       text        COLLATE "C" NOT NULL,
    cut_in_date  date,
    record_time  timestamptz NOT NULL,
    CONSTRAINT party_pkey PRIMARY KEY (party_id)
);

-- Only the SHA-256 of a key is kept: whoever reads this table can call as nobody.
CREATE TABLE tracesvc.api_key (
    key_hash      bytea       NOT NULL,
    key_id        text        COLLATE "C" NOT NULL,
    party_id      text        COLLATE "C",
    roles         text[]      COLLATE "C" NOT NULL,
    record_time   timestamptz NOT NULL,
    revoked_time  timestamptz,
    CONSTRAINT api_key_pkey PRIMARY KEY (key_hash)
);

-- Makes the month partitions of every partitioned log table, from a month on.
-- Idempotent, and safe to call from several processes: the lock lets one do the work.
-- A partition is built beside the table and then attached: attaching does not stop writers,
-- creating in place would. The bounds are those of tracesvc.domain.ids.month_floor_id.
CREATE FUNCTION tracesvc.ensure_partitions(from_month date, months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    parent text;
    part text;
    month date;
    made integer := 0;
    bounds uuid[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tracesvc.ensure_partitions', 0));
    FOR step IN 0 .. months - 1 LOOP
        month := (date_trunc('month', from_month::timestamp) + make_interval(months => step))::date;
        SELECT array_agg(
                   (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0')
                    || repeat('0', 20))::uuid ORDER BY moment)
          INTO bounds
          FROM (VALUES (month::timestamp AT TIME ZONE 'UTC'),
                       ((month + interval '1 month') AT TIME ZONE 'UTC')) AS bound (moment);
        FOREACH parent IN ARRAY ARRAY['capture', 'trace_event', 'scan', 'rejection'] LOOP
            part := parent || to_char(month, '"_"YYYY"_"MM');
            CONTINUE WHEN to_regclass('tracesvc.' || part) IS NOT NULL;
            EXECUTE format(
                'CREATE TABLE tracesvc.%I (LIKE tracesvc.%I INCLUDING ALL)', part, parent);
            EXECUTE format(
                'ALTER TABLE tracesvc.%I ATTACH PARTITION tracesvc.%I FOR VALUES FROM (%L) TO (%L)',
                parent, part, bounds[1], bounds[2]);
            -- Row triggers come with attaching; triggers on TRUNCATE do not.
            EXECUTE format(
                'CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON tracesvc.%I '
                'FOR EACH STATEMENT EXECUTE FUNCTION tracesvc.refuse_change()', part);
            EXECUTE format(
                'ALTER TABLE tracesvc.%I ENABLE ALWAYS TRIGGER refuse_truncate', part);
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;

-- The guard of the log. It also stops the owner and a superuser who does not first remove it,
-- and it fires in a session that replays replication (ENABLE ALWAYS below).
CREATE FUNCTION tracesvc.refuse_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % on %.% is refused',
        TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = '45000',
              HINT = 'Report a void or correct event instead.';
END
$$;

-- A capture changes once in its life: from no place in the log to its place.
CREATE FUNCTION tracesvc.guard_capture() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    unplaced tracesvc.capture%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.log_index IS NULL AND NEW.log_index IS NOT NULL THEN
        unplaced := NEW;
        unplaced.log_index := NULL;
        IF unplaced IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the log is append-only: % of capture % is refused', TG_OP, OLD.capture_id
        USING ERRCODE = '45000',
              HINT = 'Only the sequencer may set log_index, once.';
END
$$;

-- The one way to number captures: the service's role has no UPDATE. Gives the captures, in the
-- order of the array, the places from first_index on, and returns how many it numbered.
CREATE FUNCTION tracesvc.assign_log_index(capture_ids uuid[], first_index bigint) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    numbered integer;
BEGIN
    UPDATE tracesvc.capture AS c
       SET log_index = first_index + place.nth - 1
      FROM unnest(capture_ids) WITH ORDINALITY AS place (capture_id, nth)
     WHERE c.capture_id = place.capture_id
       AND c.log_index IS NULL;
    GET DIAGNOSTICS numbered = ROW_COUNT;
    RETURN numbered;
END
$$;

-- Row triggers are inherited by partitions made later; ensure_partitions adds those on TRUNCATE.
DO $$
DECLARE
    guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['capture', 'capture_key', 'trace_event', 'scan',
                                   'event_digest', 'rejection', 'log_tree'] LOOP
        EXECUTE format(
            'CREATE TRIGGER guard_row BEFORE UPDATE OR DELETE ON tracesvc.%I '
            'FOR EACH ROW EXECUTE FUNCTION tracesvc.%I()',
            guarded, CASE guarded WHEN 'capture' THEN 'guard_capture' ELSE 'refuse_change' END);
        EXECUTE format(
            'CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON tracesvc.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION tracesvc.refuse_change()', guarded);
        EXECUTE format('ALTER TABLE tracesvc.%I ENABLE ALWAYS TRIGGER guard_row', guarded);
        EXECUTE format('ALTER TABLE tracesvc.%I ENABLE ALWAYS TRIGGER refuse_truncate', guarded);
    END LOOP;
END
$$;

-- Least privilege: the service reads the log and adds to it, nothing else.
REVOKE ALL ON SCHEMA tracesvc, tracesvc_view FROM PUBLIC;
GRANT USAGE ON SCHEMA tracesvc, tracesvc_view TO tracesvc_service;
GRANT SELECT, INSERT ON tracesvc.capture, tracesvc.capture_key, tracesvc.trace_event,
    tracesvc.scan, tracesvc.event_digest, tracesvc.rejection, tracesvc.log_tree,
    tracesvc.party TO tracesvc_service;
GRANT SELECT, INSERT, UPDATE (revoked_time) ON tracesvc.api_key TO tracesvc_service;
GRANT SELECT ON tracesvc.schema_migration TO tracesvc_service;
REVOKE ALL ON FUNCTION tracesvc.ensure_partitions(date, integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION tracesvc.assign_log_index(uuid[], bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tracesvc.ensure_partitions(date, integer) TO tracesvc_service;
GRANT EXECUTE ON FUNCTION tracesvc.assign_log_index(uuid[], bigint) TO tracesvc_service;

-- Views are rebuilt by the service, so tables that later migrations put there are its to change.
ALTER DEFAULT PRIVILEGES IN SCHEMA tracesvc_view
    GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLES TO tracesvc_service;
