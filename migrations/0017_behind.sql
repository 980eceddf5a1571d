-- Since when a tenancy is not up to date, however often its request is put back because there is more. Every step can run again.

--; request behind since
-- NULL: since it was enqueued.
ALTER TABLE "OutgoingRequest"
  ADD COLUMN IF NOT EXISTS "behindSince" timestamptz;

--; request behind index concurrently
-- Who has waited longest is asked at each scrape, and each second by open dashboards.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "OutgoingRequest_behind_idx"
  ON "OutgoingRequest" ((coalesce("behindSince", "createdAt" AT TIME ZONE 'UTC')))
  WHERE "deduplicationKey" LIKE 'sync:%';

--; enqueue once more
-- As enqueue_traced; the request is behind since then, at the latest.
CREATE OR REPLACE FUNCTION tributary.enqueue_again(tenancy_id uuid, kind text, trace text, since timestamptz)
RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
  enqueued bigint := tributary.enqueue_traced(ARRAY[tenancy_id], kind, trace);
BEGIN
  UPDATE public."OutgoingRequest" AS r
  SET "behindSince" = least(since, r."behindSince", r."createdAt" AT TIME ZONE 'UTC')
  WHERE r."deduplicationKey" = 'sync:' || tenancy_id || CASE kind WHEN 'postgres' THEN '' ELSE ':' || kind END
    AND r."startedFulfillingAt" IS NULL;
  RETURN enqueued;
END
$$;
