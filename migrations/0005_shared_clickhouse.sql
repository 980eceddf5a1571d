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

--; enqueue
-- For every kind that is in use (enqueue_for: 0010_traces.sql). Always in this order of kinds, so that two of these cannot deadlock. How many tenancies.
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
