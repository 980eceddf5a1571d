CREATE TEMP TABLE IF NOT EXISTS pg_temp."tributary_stage_team_member_profiles" (
  "sequence_id" bigint,
  "is_deleted" boolean,
  "team_id" uuid,
  "user_id" uuid,
  "display_name" text,
  "profile_image_url" text,
  "created_at" timestamp without time zone
) ON COMMIT DELETE ROWS;
COPY pg_temp."tributary_stage_team_member_profiles" ("sequence_id", "is_deleted", "team_id", "user_id", "display_name", "profile_image_url", "created_at") FROM STDIN (FORMAT binary);
