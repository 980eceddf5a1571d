DELETE FROM public."teams" AS target
USING pg_temp."tributary_stage_teams" AS stage
WHERE stage."is_deleted"
  AND target."id" = stage."id";
INSERT INTO public."teams" AS target ("id", "display_name", "profile_image_url", "created_at", "client_metadata", "client_read_only_metadata", "server_metadata")
SELECT "id", "display_name", "profile_image_url", "created_at", "client_metadata", "client_read_only_metadata", "server_metadata"
FROM pg_temp."tributary_stage_teams" AS stage
WHERE NOT stage."is_deleted"
ON CONFLICT ("id") DO UPDATE SET
  "display_name" = EXCLUDED."display_name",
  "profile_image_url" = EXCLUDED."profile_image_url",
  "created_at" = EXCLUDED."created_at",
  "client_metadata" = EXCLUDED."client_metadata",
  "client_read_only_metadata" = EXCLUDED."client_read_only_metadata",
  "server_metadata" = EXCLUDED."server_metadata"
WHERE (target."display_name", target."profile_image_url", target."created_at", target."client_metadata", target."client_read_only_metadata", target."server_metadata")
  IS DISTINCT FROM (EXCLUDED."display_name", EXCLUDED."profile_image_url", EXCLUDED."created_at", EXCLUDED."client_metadata", EXCLUDED."client_read_only_metadata", EXCLUDED."server_metadata");
