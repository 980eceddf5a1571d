DELETE FROM public."users" AS target
USING pg_temp."tributary_stage_users" AS stage
WHERE stage."is_deleted"
  AND target."id" = stage."id";
INSERT INTO public."users" AS target ("id", "display_name", "profile_image_url", "primary_email", "primary_email_verified", "signed_up_at", "client_metadata", "client_read_only_metadata", "server_metadata", "is_anonymous")
SELECT "id", "display_name", "profile_image_url", "primary_email", "primary_email_verified", "signed_up_at", "client_metadata", "client_read_only_metadata", "server_metadata", "is_anonymous"
FROM pg_temp."tributary_stage_users" AS stage
WHERE NOT stage."is_deleted"
ON CONFLICT ("id") DO UPDATE SET
  "display_name" = EXCLUDED."display_name",
  "profile_image_url" = EXCLUDED."profile_image_url",
  "primary_email" = EXCLUDED."primary_email",
  "primary_email_verified" = EXCLUDED."primary_email_verified",
  "signed_up_at" = EXCLUDED."signed_up_at",
  "client_metadata" = EXCLUDED."client_metadata",
  "client_read_only_metadata" = EXCLUDED."client_read_only_metadata",
  "server_metadata" = EXCLUDED."server_metadata",
  "is_anonymous" = EXCLUDED."is_anonymous"
WHERE (target."display_name", target."profile_image_url", target."primary_email", target."primary_email_verified", target."signed_up_at", target."client_metadata", target."client_read_only_metadata", target."server_metadata", target."is_anonymous")
  IS DISTINCT FROM (EXCLUDED."display_name", EXCLUDED."profile_image_url", EXCLUDED."primary_email", EXCLUDED."primary_email_verified", EXCLUDED."signed_up_at", EXCLUDED."client_metadata", EXCLUDED."client_read_only_metadata", EXCLUDED."server_metadata", EXCLUDED."is_anonymous");
