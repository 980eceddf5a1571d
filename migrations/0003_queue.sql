-- The queue and what is known of each destination. Every step can run again.

--; request columns
-- "tenancyId" repeats what stands in the body, so that no query has to look into JSON.
ALTER TABLE "OutgoingRequest"
  ADD COLUMN IF NOT EXISTS "tenancyId" uuid,
  ADD COLUMN IF NOT EXISTS "leaseToken" uuid,
  ADD COLUMN IF NOT EXISTS "leaseUntil" timestamptz;

--; request in flight index concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS "OutgoingRequest_in_flight_idx"
  ON "OutgoingRequest" ("deduplicationKey", "leaseUntil")
  WHERE "startedFulfillingAt" IS NOT NULL;

--; request lease index concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS "OutgoingRequest_lease_idx"
  ON "OutgoingRequest" ("leaseToken")
  WHERE "startedFulfillingAt" IS NOT NULL;

--; destination state
-- One row per (tenancy, destination, mapping) that is not simply up to date: no row means healthy.
-- mapping '' stands for the destination as a whole (it cannot be connected to).
CREATE TABLE IF NOT EXISTS tributary.destination_state (
  tenancy_id uuid NOT NULL,
  destination_id text NOT NULL,
  mapping text NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  next_try_at timestamptz,           -- NULL: not tried until somebody acts (paused)
  paused boolean NOT NULL DEFAULT false,
  sqlstate text NOT NULL DEFAULT '',
  error text NOT NULL DEFAULT '',
  failed_since timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenancy_id, destination_id, mapping)
);

--; destination state due index
CREATE INDEX IF NOT EXISTS destination_state_due_idx
  ON tributary.destination_state (next_try_at)
  WHERE next_try_at IS NOT NULL AND NOT paused;

--; quarantine
-- Keys whose row a destination refused. Written before the watermark passes the row, removed after its then current state was applied.
CREATE TABLE IF NOT EXISTS tributary.quarantine (
  tenancy_id uuid NOT NULL,
  destination_id text NOT NULL,
  mapping text NOT NULL,
  key jsonb NOT NULL,                -- target key: column to value as text
  attempts integer NOT NULL DEFAULT 1,
  next_try_at timestamptz NOT NULL DEFAULT now(),
  sqlstate text NOT NULL DEFAULT '',
  error text NOT NULL DEFAULT '',
  since timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenancy_id, destination_id, mapping, key)
);

--; quarantine due index
CREATE INDEX IF NOT EXISTS quarantine_due_idx
  ON tributary.quarantine (next_try_at);
