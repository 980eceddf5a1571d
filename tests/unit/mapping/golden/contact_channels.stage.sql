CREATE TEMP TABLE IF NOT EXISTS pg_temp."tributary_stage_contact_channels" (
  "sequence_id" bigint,
  "is_deleted" boolean,
  "id" uuid,
  "user_id" uuid,
  "type" text,
  "value" text,
  "is_primary" boolean,
  "is_verified" boolean,
  "used_for_auth" boolean,
  "created_at" timestamp without time zone
) ON COMMIT DELETE ROWS;
COPY pg_temp."tributary_stage_contact_channels" ("sequence_id", "is_deleted", "id", "user_id", "type", "value", "is_primary", "is_verified", "used_for_auth", "created_at") FROM STDIN (FORMAT binary);
