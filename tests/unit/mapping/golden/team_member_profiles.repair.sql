SELECT greatest(
  (SELECT max("sequenceId") FROM public."TeamMember" WHERE "tenancyId" = $1),
  (SELECT max("sequenceId") FROM public."DeletedRow" WHERE "tenancyId" = $1 AND "tableName" = 'TeamMember'),
  -1);
UPDATE public."TeamMember" AS source
SET "shouldUpdateSequenceId" = TRUE
FROM unnest($2::text[], $3::text[]) AS wanted ("team_id", "user_id")
WHERE source."tenancyId" = $1
  AND source."teamId" = wanted."team_id"::uuid
  AND source."projectUserId" = wanted."user_id"::uuid;
INSERT INTO public."DeletedRow"
  (id, "tenancyId", "tableName", "primaryKey", data, "deletedAt", "shouldUpdateSequenceId")
SELECT gen_random_uuid(), $1, 'TeamMember', jsonb_build_object('tenancyId', $1::text, 'teamId', wanted."team_id", 'projectUserId', wanted."user_id"), '{}', now() AT TIME ZONE 'UTC', TRUE
FROM unnest($2::text[], $3::text[]) AS wanted ("team_id", "user_id");
