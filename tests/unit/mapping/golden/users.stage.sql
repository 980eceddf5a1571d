CREATE TEMP TABLE IF NOT EXISTS pg_temp."tributary_stage_users" (
  "sequence_id" bigint,
  "is_deleted" boolean,
  "id" uuid,
  "display_name" text,
  "profile_image_url" text,
  "primary_email" text,
  "primary_email_verified" boolean,
  "signed_up_at" timestamp without time zone,
  "client_metadata" jsonb,
  "client_read_only_metadata" jsonb,
  "server_metadata" jsonb,
  "is_anonymous" boolean
) ON COMMIT DELETE ROWS;
COPY pg_temp."tributary_stage_users" ("sequence_id", "is_deleted", "id", "display_name", "profile_image_url", "primary_email", "primary_email_verified", "signed_up_at", "client_metadata", "client_read_only_metadata", "server_metadata", "is_anonymous") FROM STDIN (FORMAT binary);
