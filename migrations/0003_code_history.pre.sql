-- 0003_code_history.pre.sql: the history of codes and of their containers in one round trip.
-- Safe on a live system: creates a function that nobody calls yet.
SET LOCAL lock_timeout = '4s';
SET LOCAL statement_timeout = '30s';

-- Walks up from codes to every container that a pack event ever put them into, level by level, and
-- returns two kinds of rows: heads of events (trace_code is null), each once; and scans, of which
-- only event_id, trace_code and scan_role are filled. Stops reading at scans_max scans, so that a
-- caller who gets that many knows there may be more. Each statement is by code or by id: a join of
-- two tables with a partition for every month takes longer to start than all of them.
CREATE FUNCTION tracesvc.code_history(codes text[], levels_max integer, scans_max integer)
RETURNS TABLE (
    event_id uuid, digest bytea, kind text, reason text, bill_type smallint,
    event_time timestamptz, event_offset_min smallint, record_time timestamptz, actor_id text,
    from_id text, to_id text, owner_id text, carrier_id text, location text,
    document_number text, document_part text, product_code text, lot text, made_on date,
    expiry date, parent_code text, declared_count integer, scan_count integer,
    portion integer[], voids bytea, trace_code text, scan_role smallint
)
LANGUAGE plpgsql
STABLE
SET search_path = tracesvc, pg_catalog
AS $$
#variable_conflict use_column
DECLARE
    wanted     text[] := codes;
    seen       text[] := codes;
    here_codes text[];
    here_ids   uuid[];
    here_roles smallint[];
    all_codes  text[] := '{}';
    all_ids    uuid[] := '{}';
    all_roles  smallint[] := '{}';
    pack_ids   uuid[];
BEGIN
    FOR level IN 0 .. levels_max LOOP
        SELECT array_agg(found.trace_code), array_agg(found.event_id), array_agg(found.role)
          INTO here_codes, here_ids, here_roles
          FROM (SELECT s.trace_code, s.event_id, s.role
                  FROM scan AS s
                 WHERE s.trace_code = ANY (wanted)
                 LIMIT scans_max - cardinality(all_codes)) AS found;
        EXIT WHEN here_codes IS NULL;
        all_codes := all_codes || here_codes;
        all_ids := all_ids || here_ids;
        all_roles := all_roles || here_roles;
        -- Role 2 is a child: these events may name a container.
        SELECT array_agg(DISTINCT child.id) INTO pack_ids
          FROM unnest(here_ids, here_roles) AS child (id, role)
         WHERE child.role = 2;
        EXIT WHEN pack_ids IS NULL OR cardinality(all_codes) >= scans_max;
        SELECT array_agg(DISTINCT e.parent_code) INTO wanted
          FROM trace_event AS e
         WHERE e.event_id = ANY (pack_ids) AND e.kind = 'pack' AND e.parent_code <> ALL (seen);
        EXIT WHEN wanted IS NULL;
        seen := seen || wanted;
    END LOOP;
    all_ids := coalesce(all_ids, '{}');
    RETURN QUERY
        SELECT e.event_id, e.digest, e.kind, e.reason, e.bill_type, e.event_time,
               e.event_offset_min, e.record_time, e.actor_id, e.from_id, e.to_id, e.owner_id,
               e.carrier_id, e.location, e.document_number, e.document_part, e.product_code, e.lot,
               e.made_on, e.expiry, e.parent_code, e.declared_count, e.scan_count, e.portion,
               e.voids, NULL::text, NULL::smallint
          FROM trace_event AS e
         WHERE e.event_id = ANY (all_ids);
    RETURN QUERY
        SELECT one.id, NULL::bytea, NULL::text, NULL::text, NULL::smallint, NULL::timestamptz,
               NULL::smallint, NULL::timestamptz, NULL::text, NULL::text, NULL::text, NULL::text,
               NULL::text, NULL::text, NULL::text, NULL::text, NULL::text, NULL::text, NULL::date,
               NULL::date, NULL::text, NULL::integer, NULL::integer, NULL::integer[], NULL::bytea,
               one.code, one.role
          FROM unnest(all_ids, all_codes, all_roles) AS one (id, code, role);
END
$$;

REVOKE ALL ON FUNCTION tracesvc.code_history(text[], integer, integer) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION tracesvc.code_history(text[], integer, integer) TO tracesvc_service;
