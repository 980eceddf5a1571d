CREATE TEMP TABLE IF NOT EXISTS pg_temp."tributary_stage_teams" (
  "sequence_id" bigint,
  "is_deleted" boolean,
  "id" uuid,
  "display_name" text,
  "profile_image_url" text,
  "created_at" timestamp without time zone,
  "client_metadata" jsonb,
  "client_read_only_metadata" jsonb,
  "server_metadata" jsonb
) ON COMMIT DELETE ROWS;
COPY pg_temp."tributary_stage_teams" ("sequence_id", "is_deleted", "id", "display_name", "profile_image_url", "created_at", "client_metadata", "client_read_only_metadata", "server_metadata") FROM STDIN (FORMAT binary);
