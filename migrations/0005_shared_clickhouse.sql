-- The shared ClickHouse is a destination of every tenancy, with requests of its own, so that neither kind of destination waits for the other
-- (docs/decisions/0010). Every step can run again.

--; request kind
ALTER TABLE "OutgoingRequest"
  ADD COLUMN IF NOT EXISTS "destinationKind" text NOT NULL DEFAULT 'postgres';

--; request pending by kind index concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS "OutgoingRequest_kind_pending_idx"
  ON "OutgoingRequest" ("destinationKind", "createdAt")
  WHERE "startedFulfillingAt" IS NULL;

--; drop the pending index of all kinds
DROP INDEX IF EXISTS "OutgoingRequest_pending_idx";

--; enqueue for a kind of destination
-- Puts tenancies into the queue, once each while pending. DO UPDATE, not DO NOTHING: it takes the row's lock, so a poller that is about to claim
-- the old request waits until the ids of this transaction are visible (invariant 2). Ordered, so that two of these cannot deadlock.
-- PL/pgSQL keeps the plan; a function in SQL makes it anew at each call, which took a fifth of the time to sequence one row. Nor has it settings of its own, for the
-- same reason: every name is qualified.
CREATE OR REPLACE FUNCTION tributary.enqueue_for(tenancy_ids uuid[], kind text)
RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
  enqueued bigint;
BEGIN
  INSERT INTO public."OutgoingRequest" (id, "createdAt", "qstashOptions", "deduplicationKey", "tenancyId", "destinationKind")
  SELECT gen_random_uuid(),
         clock_timestamp() AT TIME ZONE 'UTC',
         jsonb_build_object(
           'url', '/api/v1/internal/external-db-sync/sync-engine',
           'body', jsonb_build_object('tenancyId', t.id),
           'flowControl', jsonb_build_object('key', 'external-db-sync', 'parallelism', 20)),
         'sync:' || t.id || CASE kind WHEN 'postgres' THEN '' ELSE ':' || kind END,
         t.id,
         kind
  FROM (SELECT DISTINCT unnest(tenancy_ids) AS id ORDER BY 1) AS t
  ON CONFLICT ("deduplicationKey") WHERE "startedFulfillingAt" IS NULL
  DO UPDATE SET "qstashOptions" = EXCLUDED."qstashOptions";
  GET DIAGNOSTICS enqueued = ROW_COUNT;
  RETURN enqueued;
END
$$;

--; enqueue
-- For every kind that is in use. Always in this order of kinds, for the same reason as above. How many tenancies.
CREATE OR REPLACE FUNCTION tributary.enqueue(tenancy_ids uuid[])
RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
  enqueued bigint := tributary.enqueue_for(tenancy_ids, 'postgres');
BEGIN
  IF (SELECT clickhouse FROM tributary.installation) THEN
    PERFORM tributary.enqueue_for(tenancy_ids, 'clickhouse');
  END IF;
  RETURN enqueued;
END
$$;

--; successor of a tenancy
-- The tenancy that stands where a deleted one stood: of the same project and branch. NULL: none, or it was not deleted.
CREATE OR REPLACE FUNCTION tributary.successor(tenancy_id uuid)
RETURNS uuid
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  RETURN (
    SELECT t.id
    FROM tributary.deleted_tenancy AS d
    JOIN public."Tenancy" AS t ON t."projectId" = d."projectId" AND t."branchId" = d."branchId"
    WHERE d."tenancyId" = tenancy_id AND t."hasNoOrganization" = 'TRUE');
END
$$;

--; enqueue the next tenancies
-- Of all that ClickHouse has, or may have, rows of: those behind `after` in the order of ids, at most `most` of them. The last of these; NULL: there are none.
CREATE OR REPLACE FUNCTION tributary.enqueue_next_for_clickhouse(after uuid, most bigint)
RETURNS uuid
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
  tenancy_ids uuid[] := ARRAY(
    SELECT id FROM (
      (SELECT t.id FROM "Tenancy" AS t WHERE t.id > after AND t."hasNoOrganization" = 'TRUE' ORDER BY 1 LIMIT most)
      UNION
      (SELECT d."tenancyId" FROM tributary.deleted_tenancy AS d WHERE d."tenancyId" > after ORDER BY 1 LIMIT most)
    ) AS next (id)
    ORDER BY 1
    LIMIT most);
BEGIN
  PERFORM tributary.enqueue_for(tenancy_ids, 'clickhouse');
  RETURN tenancy_ids[cardinality(tenancy_ids)];
END
$$;
