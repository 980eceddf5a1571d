CREATE TABLE IF NOT EXISTS public."_stack_sync_metadata" (
  "mapping_name" text PRIMARY KEY,
  "last_synced_sequence_id" bigint NOT NULL DEFAULT -1,
  "updated_at" timestamp with time zone NOT NULL DEFAULT now()
);
ALTER TABLE public."_stack_sync_metadata"
  ADD COLUMN IF NOT EXISTS "installation_id" uuid,
  ADD COLUMN IF NOT EXISTS "tenancy_id" uuid,
  ADD COLUMN IF NOT EXISTS "generation" bigint NOT NULL DEFAULT 0,
  ADD COLUMN IF NOT EXISTS "complete_until" timestamp with time zone,
  ADD COLUMN IF NOT EXISTS "loading" boolean NOT NULL DEFAULT false,
  ADD COLUMN IF NOT EXISTS "complete_through" bigint NOT NULL DEFAULT -1;
REVOKE ALL ON TABLE public."_stack_sync_metadata" FROM PUBLIC;
GRANT SELECT ON TABLE public."_stack_sync_metadata" TO PUBLIC;
