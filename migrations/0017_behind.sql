-- Since when a tenancy is not up to date, however often its request is put back because there is more. Every step can run again.

--; request behind since
-- NULL: since it was enqueued.
ALTER TABLE "OutgoingRequest"
  ADD COLUMN IF NOT EXISTS "behindSince" timestamptz;

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
