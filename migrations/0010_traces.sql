-- A request carries the traces that it is part of (src/telemetry/trace.hpp) from whoever enqueued it to whoever claims it. Every step can run again.

--; request trace
-- W3C traceparents, separated by blanks, oldest first. NULL: nobody traces.
ALTER TABLE "OutgoingRequest"
  ADD COLUMN IF NOT EXISTS traceparent text;

--; enqueue as part of a trace
-- Puts tenancies into the queue, once each while pending. DO UPDATE, not DO NOTHING: it takes the row's lock, so a poller that is about to claim
-- the old request waits until the ids of this transaction are visible (invariant 2). Ordered, so that two of these cannot deadlock.
-- A request that gathers several traces keeps the first eight that are recorded; one that is not recorded (flags 00) only where there is no other.
-- PL/pgSQL keeps the plan; a function in SQL makes it anew at each call, which took a fifth of the time to sequence one row. Nor has it settings of its own, for the
-- same reason: every name is qualified.
CREATE OR REPLACE FUNCTION tributary.enqueue_traced(tenancy_ids uuid[], kind text, trace text)
RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
  enqueued bigint;
BEGIN
  INSERT INTO public."OutgoingRequest" AS r
    (id, "createdAt", "qstashOptions", "deduplicationKey", "tenancyId", "destinationKind", traceparent)
  SELECT gen_random_uuid(),
         clock_timestamp() AT TIME ZONE 'UTC',
         jsonb_build_object(
           'url', '/api/v1/internal/external-db-sync/sync-engine',
           'body', jsonb_build_object('tenancyId', t.id),
           'flowControl', jsonb_build_object('key', 'external-db-sync', 'parallelism', 20)),
         'sync:' || t.id || CASE kind WHEN 'postgres' THEN '' ELSE ':' || kind END,
         t.id,
         kind,
         trace
  FROM (SELECT DISTINCT unnest(tenancy_ids) AS id ORDER BY 1) AS t
  ON CONFLICT ("deduplicationKey") WHERE "startedFulfillingAt" IS NULL
  DO UPDATE SET
    "qstashOptions" = EXCLUDED."qstashOptions",
    traceparent = CASE
      WHEN EXCLUDED.traceparent LIKE '%-01' AND r.traceparent LIKE '%-01' THEN left(r.traceparent || ' ' || EXCLUDED.traceparent, 447)
      WHEN EXCLUDED.traceparent LIKE '%-01' THEN EXCLUDED.traceparent
      ELSE coalesce(r.traceparent, EXCLUDED.traceparent)
    END;
  GET DIAGNOSTICS enqueued = ROW_COUNT;
  RETURN enqueued;
END
$$;

--; enqueue for a kind of destination
-- As part of the trace that the transaction says (the sequencer's), if any.
CREATE OR REPLACE FUNCTION tributary.enqueue_for(tenancy_ids uuid[], kind text)
RETURNS bigint
LANGUAGE plpgsql
AS $$
BEGIN
  RETURN tributary.enqueue_traced(tenancy_ids, kind, nullif(current_setting('tributary.traceparent', true), ''));
END
$$;
