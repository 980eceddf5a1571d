DELETE FROM public."contact_channels" AS target
USING pg_temp."tributary_stage_contact_channels" AS stage
WHERE stage."is_deleted"
  AND target."id" = stage."id";
INSERT INTO public."contact_channels" AS target ("id", "user_id", "type", "value", "is_primary", "is_verified", "used_for_auth", "created_at")
SELECT DISTINCT ON ("id") "id", "user_id", "type", "value", "is_primary", "is_verified", "used_for_auth", "created_at"
FROM pg_temp."tributary_stage_contact_channels" AS stage
WHERE NOT stage."is_deleted"
ORDER BY "id", "sequence_id" DESC
ON CONFLICT ("id") DO UPDATE SET
  "user_id" = EXCLUDED."user_id",
  "type" = EXCLUDED."type",
  "value" = EXCLUDED."value",
  "is_primary" = EXCLUDED."is_primary",
  "is_verified" = EXCLUDED."is_verified",
  "used_for_auth" = EXCLUDED."used_for_auth",
  "created_at" = EXCLUDED."created_at"
WHERE (target."user_id", target."type", target."value", target."is_primary", target."is_verified", target."used_for_auth", target."created_at")
  IS DISTINCT FROM (EXCLUDED."user_id", EXCLUDED."type", EXCLUDED."value", EXCLUDED."is_primary", EXCLUDED."is_verified", EXCLUDED."used_for_auth", EXCLUDED."created_at");
