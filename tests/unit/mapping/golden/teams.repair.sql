SELECT greatest(
  (SELECT max("sequenceId") FROM public."Team" WHERE "tenancyId" = $1),
  (SELECT max("sequenceId") FROM public."DeletedRow" WHERE "tenancyId" = $1 AND "tableName" = 'Team'),
  -1);
UPDATE public."Team" AS source
SET "shouldUpdateSequenceId" = TRUE
FROM unnest($2::text[]) AS wanted ("id")
WHERE source."tenancyId" = $1
  AND source."teamId" = wanted."id"::uuid;
INSERT INTO public."DeletedRow"
  (id, "tenancyId", "tableName", "primaryKey", data, "deletedAt", "shouldUpdateSequenceId")
SELECT gen_random_uuid(), $1, 'Team', jsonb_build_object('tenancyId', $1::text, 'teamId', wanted."id"), '{}', now() AT TIME ZONE 'UTC', TRUE
FROM unnest($2::text[]) AS wanted ("id");
