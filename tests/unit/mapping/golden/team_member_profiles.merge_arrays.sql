DELETE FROM public."team_member_profiles" AS target
USING unnest($1::uuid[], $2::uuid[]) AS stage("team_id", "user_id")
WHERE target."team_id" = stage."team_id"
  AND target."user_id" = stage."user_id";
INSERT INTO public."team_member_profiles" AS target ("team_id", "user_id", "display_name", "profile_image_url", "created_at")
SELECT "team_id", "user_id", "display_name", "profile_image_url", "created_at"
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamp without time zone[]) AS stage("team_id", "user_id", "display_name", "profile_image_url", "created_at")
ON CONFLICT ("team_id", "user_id") DO UPDATE SET
  "display_name" = EXCLUDED."display_name",
  "profile_image_url" = EXCLUDED."profile_image_url",
  "created_at" = EXCLUDED."created_at"
WHERE (target."display_name", target."profile_image_url", target."created_at")
  IS DISTINCT FROM (EXCLUDED."display_name", EXCLUDED."profile_image_url", EXCLUDED."created_at");
