SELECT greatest(
  (SELECT max("sequenceId") FROM public."ContactChannel" WHERE "tenancyId" = $1),
  (SELECT max("sequenceId") FROM public."DeletedRow" WHERE "tenancyId" = $1 AND "tableName" = 'ContactChannel'),
  -1);
UPDATE public."ContactChannel" AS source
SET "shouldUpdateSequenceId" = TRUE
FROM unnest($2::text[]) AS wanted ("id")
WHERE source."tenancyId" = $1
  AND source."id" = wanted."id"::uuid;
INSERT INTO public."DeletedRow"
  (id, "tenancyId", "tableName", "primaryKey", data, "deletedAt", "shouldUpdateSequenceId")
SELECT gen_random_uuid(), $1, 'ContactChannel', jsonb_build_object('tenancyId', $1::text, 'id', wanted."id"), '{}', now() AT TIME ZONE 'UTC', TRUE
FROM unnest($2::text[]) AS wanted ("id");
