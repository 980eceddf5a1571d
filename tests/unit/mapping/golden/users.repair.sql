SELECT greatest(
  (SELECT max("sequenceId") FROM public."ProjectUser" WHERE "tenancyId" = $1),
  (SELECT max("sequenceId") FROM public."DeletedRow" WHERE "tenancyId" = $1 AND "tableName" = 'ProjectUser'),
  -1);
SELECT EXISTS (SELECT FROM public."ProjectUser" WHERE ("tenancyId", "sequenceId") >= ($1, $2) AND ("tenancyId", "sequenceId") <= ($1, jump.jumped_to) AND "sequenceId" IS NOT NULL)
  OR EXISTS (SELECT FROM public."DeletedRow" WHERE ("tenancyId", "tableName", "sequenceId") >= ($1, 'ProjectUser', $2) AND ("tenancyId", "tableName", "sequenceId") <= ($1, 'ProjectUser', jump.jumped_to))
FROM (SELECT min(jumped_to) AS jumped_to FROM tributary.sequence_jump WHERE jumped_to >= $2) AS jump;
UPDATE public."ProjectUser" AS changed
SET "shouldUpdateSequenceId" = TRUE
FROM unnest($2::text[]) AS wanted ("id")
CROSS JOIN LATERAL (
  SELECT source.ctid AS place, source."shouldUpdateSequenceId" AS flagged
  FROM public."ProjectUser" AS source
  WHERE source."tenancyId" = $1 AND source."projectUserId" = wanted."id"::uuid
) AS newest
WHERE changed.ctid = newest.place;
WITH newest AS MATERIALIZED (
  SELECT wanted.number, found.place
  FROM unnest($2::text[]) WITH ORDINALITY AS wanted ("id", number)
  CROSS JOIN LATERAL (
    SELECT source.ctid AS place, source."shouldUpdateSequenceId" AS flagged
    FROM public."ProjectUser" AS source
    WHERE source."tenancyId" = $1 AND source."projectUserId" = wanted."id"::uuid
  ) AS found
  WHERE NOT found.flagged
), free AS MATERIALIZED (
  SELECT newest.number, locked.place
  FROM newest
  CROSS JOIN LATERAL (
    SELECT source.ctid AS place FROM public."ProjectUser" AS source WHERE source.ctid = newest.place FOR NO KEY UPDATE SKIP LOCKED
  ) AS locked
), flagged AS (
  UPDATE public."ProjectUser" AS changed SET "shouldUpdateSequenceId" = TRUE FROM free WHERE changed.ctid = free.place
)
SELECT number - 1 FROM newest EXCEPT SELECT number - 1 FROM free;
INSERT INTO public."DeletedRow"
  (id, "tenancyId", "tableName", "primaryKey", data, "deletedAt", "shouldUpdateSequenceId")
SELECT gen_random_uuid(), $1, 'ProjectUser', jsonb_build_object('tenancyId', $1::text, 'projectUserId', wanted."id"), '{}', now() AT TIME ZONE 'UTC', TRUE
FROM unnest($2::text[]) AS wanted ("id");
WITH old AS (
  SELECT deleted.ctid AS place
  FROM public."DeletedRow" AS deleted
  WHERE deleted."tenancyId" = $1 AND deleted."tableName" = 'ProjectUser' AND deleted."sequenceId" <= $2
    AND NOT deleted."shouldUpdateSequenceId"
    AND deleted."deletedAt" <= clock_timestamp() AT TIME ZONE 'UTC' - $3 * interval '1 millisecond'
    AND NOT EXISTS (SELECT FROM tributary.quarantine AS refused WHERE refused.tenancy_id = $1 AND refused.mapping = 'users' AND refused.key ->> 'id' = deleted."primaryKey" ->> 'projectUserId')
  ORDER BY deleted."sequenceId"
  LIMIT $4
), gone AS (
  DELETE FROM public."DeletedRow" AS deleted USING old WHERE deleted.ctid = old.place RETURNING deleted."sequenceId"
), noted AS (
  INSERT INTO tributary.collected AS c (tenancy_id, table_name, through)
  SELECT $1, 'ProjectUser', max("sequenceId") FROM gone HAVING count(*) > 0
  ON CONFLICT (tenancy_id, table_name) DO UPDATE SET through = greatest(c.through, EXCLUDED.through), collected_at = now()
)
SELECT count(*) FROM gone;
