-- What capture, sequencer and queue share. The triggers on each mapped table are generated from the mappings (source/capture.cpp)
-- out of the functions here. Every step can run again.

--; schema
CREATE SCHEMA IF NOT EXISTS tributary;

--; schema usage
-- The row triggers run as whoever writes, and look at sequencer_state.
GRANT USAGE ON SCHEMA tributary TO PUBLIC;

--; installation
CREATE TABLE IF NOT EXISTS tributary.installation (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  shard_count integer NOT NULL DEFAULT 8 CHECK (shard_count BETWEEN 1 AND 1024),
  schema_version integer NOT NULL DEFAULT 0,
  -- the server as last seen by tributary.guard_sequence()
  system_identifier bigint,
  timeline text,
  postmaster_started_at timestamptz
);

--; installation row
INSERT INTO tributary.installation DEFAULT VALUES ON CONFLICT DO NOTHING;

--; shared clickhouse columns
-- `clickhouse`: whether the shared ClickHouse is a destination. `clickhouse_stores`: which ones every tenancy has been enqueued for; one that is not among
-- them is new, or has lost a table.
ALTER TABLE tributary.installation
  ADD COLUMN IF NOT EXISTS clickhouse boolean NOT NULL DEFAULT false,
  ADD COLUMN IF NOT EXISTS clickhouse_stores text[] NOT NULL DEFAULT '{}';

--; global sequence
CREATE SEQUENCE IF NOT EXISTS global_seq_id AS bigint CACHE 1 NO CYCLE;

--; deleted row
CREATE TABLE IF NOT EXISTS "DeletedRow" (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  "tenancyId" uuid NOT NULL,
  "tableName" text NOT NULL,
  "primaryKey" jsonb NOT NULL,
  data jsonb,
  "deletedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "startedFulfillingAt" timestamp(3),
  "sequenceId" bigint,
  "shouldUpdateSequenceId" boolean NOT NULL DEFAULT true
);

--; deleted row by table index concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS "DeletedRow_tenancyId_tableName_sequenceId_idx"
  ON "DeletedRow" ("tenancyId", "tableName", "sequenceId");

--; deleted row sequence index concurrently
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "DeletedRow_tributary_sequence_id"
  ON "DeletedRow" ("sequenceId")
  WHERE "sequenceId" IS NOT NULL;

--; deleted row flagged index concurrently
-- NULLS FIRST, though the column has no NULL: no other index gives this order, so a query that asks for it is planned on this
-- index whatever the statistics say (sequencer/sql.cpp).
CREATE INDEX CONCURRENTLY IF NOT EXISTS "DeletedRow_tributary_flagged"
  ON "DeletedRow" ("tenancyId" NULLS FIRST)
  WHERE "shouldUpdateSequenceId";

--; outgoing request
CREATE TABLE IF NOT EXISTS "OutgoingRequest" (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "qstashOptions" jsonb NOT NULL,
  "startedFulfillingAt" timestamp(3),
  "deduplicationKey" text
);

--; outgoing request pending key concurrently
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "OutgoingRequest_deduplicationKey_pending_key"
  ON "OutgoingRequest" ("deduplicationKey")
  WHERE "startedFulfillingAt" IS NULL;

--; fusebox
CREATE TABLE IF NOT EXISTS "ExternalDbSyncMetadata" (
  singleton "BooleanTrue" PRIMARY KEY DEFAULT 'TRUE',
  "sequencerEnabled" boolean NOT NULL DEFAULT true,
  "pollerEnabled" boolean NOT NULL DEFAULT true,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);

--; fusebox row
-- Whichever of these columns it has, and whether or not they have defaults: an ORM may have made it.
INSERT INTO "ExternalDbSyncMetadata"
SELECT fusebox.*
FROM jsonb_populate_record(
  NULL::"ExternalDbSyncMetadata",
  jsonb_build_object(
    'singleton', 'TRUE',
    'sequencerEnabled', true,
    'pollerEnabled', true,
    'createdAt', now() AT TIME ZONE 'UTC',
    'updatedAt', now() AT TIME ZONE 'UTC')) AS fusebox
WHERE NOT EXISTS (SELECT FROM "ExternalDbSyncMetadata");

--; marker
-- "This row must be looked at again": written by the trigger of a table that a mapping's values are derived from. That trigger cannot see a
-- parent that another open transaction is changing; the sequencer, at its own later snapshot, can.
CREATE TABLE IF NOT EXISTS tributary.marker (
  id bigint GENERATED ALWAYS AS IDENTITY,
  "tenancyId" uuid NOT NULL,
  "tableName" text NOT NULL,
  "primaryKey" jsonb NOT NULL
);

--; marker index
CREATE INDEX IF NOT EXISTS marker_tenancy_idx
  ON tributary.marker ("tenancyId" NULLS FIRST);

--; deleted tenancy
-- Where the rows of a tenancy that is gone were sent to, until each of these has applied the tombstones.
CREATE TABLE IF NOT EXISTS tributary.deleted_tenancy (
  "tenancyId" uuid PRIMARY KEY,
  "projectId" text NOT NULL,
  "branchId" text NOT NULL,
  destinations jsonb NOT NULL,
  "deletedAt" timestamptz NOT NULL DEFAULT now()
);

--; sequencer state
-- A flag that is read without a snapshot and set outside any transaction: 1 the sequencer looks by itself, 2 it sleeps and wants to be notified.
CREATE SEQUENCE IF NOT EXISTS tributary.sequencer_state AS integer MINVALUE 1 MAXVALUE 2 CYCLE;

--; sequencer state readers
GRANT SELECT ON SEQUENCE tributary.sequencer_state TO PUBLIC;

--; notify
-- NOTIFY makes commits queue behind each other, so nothing is sent while the sequencer looks by itself.
CREATE OR REPLACE FUNCTION tributary.notify_change()
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  IF pg_sequence_last_value('tributary.sequencer_state'::regclass) = 2 THEN
    PERFORM pg_notify('tributary_change', '');
  END IF;
END
$$;

--; tombstones at truncate need read committed
-- At a higher isolation level the trigger's query would not see rows that were committed after the transaction's snapshot, and TRUNCATE removes
-- these too.
CREATE OR REPLACE FUNCTION tributary.check_truncate(relation regclass)
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
    RAISE EXCEPTION 'TRUNCATE of % must run at READ COMMITTED', relation
      USING ERRCODE = 'feature_not_supported',
            DETAIL = 'Its rows are synced: each needs a tombstone, and this transaction''s snapshot may be too old to see them all.',
            HINT = 'Run it in a transaction at READ COMMITTED, or use DELETE.';
  END IF;
END
$$;

--; trigger installed
CREATE OR REPLACE FUNCTION tributary.trigger_installed(relation regclass, name text, definition text)
RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT EXISTS (
    SELECT FROM pg_trigger AS t
    WHERE t.tgrelid = relation
      AND t.tgname = name
      AND t.tgenabled = 'A'
      AND obj_description(t.oid, 'pg_trigger') = 'tributary ' || md5(definition))
$$;

--; install trigger
-- CREATE TRIGGER "name" <definition with %s for the table>, always enabled: also where session_replication_role is replica. A subscription's worker fires
-- row triggers and those of TRUNCATE, but no other statement triggers: what it deletes leaves no tombstone, and what it inserts into a dependency no marker.
-- By row these would cost the application more than a cascade can bear; attach() warns instead. Where it is there already, nothing is locked.
CREATE OR REPLACE FUNCTION tributary.install_trigger(relation regclass, name text, definition text)
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  IF tributary.trigger_installed(relation, name, definition) THEN
    RETURN;
  END IF;
  EXECUTE format('CREATE OR REPLACE TRIGGER %I ', name) || replace(definition, '%s', relation::text);
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', relation, name);
  EXECUTE format('COMMENT ON TRIGGER %I ON %s IS %L', name, relation, 'tributary ' || md5(definition));
END
$$;

--; function installed
CREATE OR REPLACE FUNCTION tributary.function_installed(name text, body text)
RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT EXISTS (
    SELECT FROM pg_proc AS p
    WHERE p.pronamespace = 'tributary'::regnamespace
      AND p.proname = name
      AND obj_description(p.oid, 'pg_proc') = 'tributary ' || md5(body))
$$;

--; install function
-- A trigger function that may write our tables whoever fires it, and that nobody can put on a table of his own. Its plans are cached, maybe from when a table was still
-- empty: no scan of whole tables.
CREATE OR REPLACE FUNCTION tributary.install_function(name text, body text)
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  EXECUTE format('CREATE OR REPLACE FUNCTION tributary.%I() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER '
                 'SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off '
                 'AS %L', name, body);
  EXECUTE format('REVOKE ALL ON FUNCTION tributary.%I() FROM PUBLIC', name);
  EXECUTE format('COMMENT ON FUNCTION tributary.%I() IS %L', name, 'tributary ' || md5(body));
END
$$;

--; install flag function
-- A trigger function that changes nothing but NEW: as whoever fires it, and without settings, which would cost more than all it does.
CREATE OR REPLACE FUNCTION tributary.install_flag_function(name text, body text)
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  EXECUTE format('CREATE OR REPLACE FUNCTION tributary.%I() RETURNS trigger LANGUAGE plpgsql AS %L', name, body);
  EXECUTE format('COMMENT ON FUNCTION tributary.%I() IS %L', name, 'tributary ' || md5(body));
END
$$;

--; index fits
-- Whether index `name` (any, where NULL) of a table is valid and of this kind; `tail` is what pg_get_indexdef() says after the table's name.
CREATE OR REPLACE FUNCTION tributary.index_fits(relation regclass, name text, is_unique boolean, tail text)
RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT EXISTS (
    SELECT FROM pg_index AS i
    JOIN pg_class AS c ON c.oid = i.indexrelid
    WHERE i.indrelid = relation
      AND (name IS NULL OR c.relname = name)
      AND i.indisvalid
      AND i.indisunique = is_unique
      AND substring(pg_get_indexdef(i.indexrelid) FROM ' USING (.*)$') = tail)
$$;

--; drop plain unique indexes
-- A unique index on "sequenceId" that is not partial makes every update by the sequencer an update of a key, which waits behind each insert of a
-- row that refers to it (FOR KEY SHARE). `only_look` tells whether there is one.
CREATE OR REPLACE FUNCTION tributary.drop_plain_unique(relation regclass, only_look boolean)
RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
  plain record;
  found_one boolean := false;
BEGIN
  FOR plain IN
    SELECT i.indexrelid::regclass AS index_name, o.conname AS constraint_name
    FROM pg_index AS i
    JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attname = 'sequenceId'
    LEFT JOIN pg_constraint AS o ON o.conindid = i.indexrelid AND o.contype = 'u'
    WHERE i.indrelid = relation AND i.indisunique AND i.indpred IS NULL AND i.indkey::text = a.attnum::text
  LOOP
    found_one := true;
    IF only_look THEN
      NULL;
    ELSIF plain.constraint_name IS NOT NULL THEN
      EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', relation, plain.constraint_name);
    ELSE
      EXECUTE format('DROP INDEX %s', plain.index_name);
    END IF;
  END LOOP;
  RETURN found_one;
END
$$;

--; shard lock
-- First statement of every sequencing transaction (invariant 1): whoever holds a shard is the only one to give its tenancies ids until its
-- commit is visible. The statements after it look at tributary.shard and do nothing where the lock was not had; an error instead would fill the
-- server's log whenever two processes meet. A session that has not looked at the server yet does so here (0007_mending.sql), before it can give an id.
CREATE OR REPLACE FUNCTION tributary.lock_shard(shard integer)
RETURNS boolean
LANGUAGE plpgsql
AS $$
BEGIN
  IF NOT pg_try_advisory_xact_lock(1414678850, shard) THEN
    RETURN false;
  END IF;
  IF current_setting('tributary.guarded', true) IS DISTINCT FROM 'yes' THEN
    IF tributary.guard_sequence() THEN
      RAISE WARNING 'tributary: the server was failed over, restored or restarted: global_seq_id has jumped';
    END IF;
    PERFORM set_config('tributary.guarded', 'yes', false);
  END IF;
  PERFORM set_config('tributary.shard', shard::text, true);
  RETURN true;
END
$$;

--; shared destinations
-- What every tenancy's rows go to beside the databases of its own, as an entry of the same form. '@' is in no id that `destination add` takes. Also while it is
-- switched off: it may hold rows, and a tenancy that is deleted meanwhile must be remembered for it.
CREATE OR REPLACE FUNCTION tributary.shared_destinations()
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN i.clickhouse OR i.clickhouse_stores <> '{}' THEN jsonb '{"@clickhouse": {"type": "clickhouse"}}' ELSE jsonb '{}' END
  FROM tributary.installation AS i
$$;

--; destinations in a config
-- PL/pgSQL without settings, like the next one: every claim calls them, and a function in SQL is planned anew at each call.
CREATE OR REPLACE FUNCTION tributary.destinations_in(config jsonb, branch_id text)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
AS $$
BEGIN
  RETURN (
    SELECT coalesce(jsonb_object_agg(d.key, d.value), '{}')
    FROM jsonb_each(CASE jsonb_typeof(config -> 'dbSync.externalDatabases')
                      WHEN 'object' THEN config -> 'dbSync.externalDatabases'
                      ELSE '{}'
                    END) AS d
    WHERE coalesce(d.value ->> 'branch', 'main') = branch_id);
END
$$;

--; destinations
-- Destination id to its entry, {} where there is none, NULL for a project that does not exist.
CREATE OR REPLACE FUNCTION tributary.destinations(project_id text, branch_id text)
RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  RETURN (SELECT tributary.destinations_in(p."configOverride", branch_id) FROM public."Project" AS p WHERE p.id = project_id);
END
$$;
