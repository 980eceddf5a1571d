DELETE FROM public."team_member_profiles" AS target
USING pg_temp."tributary_stage_team_member_profiles" AS stage
WHERE stage."is_deleted"
  AND target."team_id" = stage."team_id"
  AND target."user_id" = stage."user_id";
INSERT INTO public."team_member_profiles" AS target ("team_id", "user_id", "display_name", "profile_image_url", "created_at")
SELECT "team_id", "user_id", "display_name", "profile_image_url", "created_at"
FROM pg_temp."tributary_stage_team_member_profiles" AS stage
WHERE NOT stage."is_deleted"
ON CONFLICT ("team_id", "user_id") DO UPDATE SET
  "display_name" = EXCLUDED."display_name",
  "profile_image_url" = EXCLUDED."profile_image_url",
  "created_at" = EXCLUDED."created_at"
WHERE (target."display_name", target."profile_image_url", target."created_at")
  IS DISTINCT FROM (EXCLUDED."display_name", EXCLUDED."profile_image_url", EXCLUDED."created_at");
