DELETE FROM public."contact_channels" AS target
USING unnest($1::uuid[]) AS stage("id")
WHERE target."id" = stage."id";
INSERT INTO public."contact_channels" AS target ("id", "user_id", "type", "value", "is_primary", "is_verified", "used_for_auth", "created_at")
SELECT DISTINCT ON ("id") "id", "user_id", "type", "value", "is_primary", "is_verified", "used_for_auth", "created_at"
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::boolean[], $6::boolean[], $7::boolean[], $8::timestamp without time zone[]) WITH ORDINALITY AS stage("id", "user_id", "type", "value", "is_primary", "is_verified", "used_for_auth", "created_at", "sync_place")
ORDER BY "id", "sync_place" DESC
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
