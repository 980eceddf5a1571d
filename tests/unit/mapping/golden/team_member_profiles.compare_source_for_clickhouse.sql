SELECT numbered."team_id"::text, numbered."user_id"::text
FROM (
  SELECT listed.*, row_number() OVER () - 1 AS place
  FROM (
    SELECT source."teamId" AS "team_id", source."projectUserId" AS "user_id"
    FROM public."TeamMember" AS source
    WHERE source."tenancyId" = $1
    AND (source."teamId", source."projectUserId") >= ($2::text::uuid, $3::text::uuid)
    AND (source."teamId", source."projectUserId") < ($4::text::uuid, $5::text::uuid)
    ORDER BY source."teamId", source."projectUserId"
    LIMIT $7::bigint
  ) AS listed
) AS numbered
WHERE place > 0 AND place % $6::bigint = 0
ORDER BY place;
SELECT width_bucket(ROW(stored."team_id", stored."user_id"), ARRAY(SELECT ROW(bound."team_id"::uuid, bound."user_id"::uuid) FROM unnest($2::text[], $3::text[]) AS bound ("team_id", "user_id"))) AS range, count(*) AS rows, sum(('x' || left(md5(concat(stored."team_id", ';', stored."user_id", ';', octet_length(stored."display_name"), ':', stored."display_name", octet_length(stored."profile_image_url"), ':', stored."profile_image_url", stored."created_at", ';')), 16))::bit(64)::bigint)::text AS sum
FROM (
  SELECT COALESCE(source."teamId"::uuid, '00000000-0000-0000-0000-000000000000'::uuid) AS "team_id", COALESCE(source."projectUserId"::uuid, '00000000-0000-0000-0000-000000000000'::uuid) AS "user_id", source."displayName"::text AS "display_name", source."profileImageUrl"::text AS "profile_image_url", date_trunc('milliseconds', least(greatest(COALESCE(source."createdAt"::timestamp without time zone, '1970-01-01'::timestamp), '1900-01-01'::timestamp), '2299-12-31 23:59:59.999'::timestamp)) AS "created_at"
  FROM public."TeamMember" AS source
  WHERE source."tenancyId" = $1
) AS stored
GROUP BY 1;
SELECT stored."team_id"::text, stored."user_id"::text, ('x' || left(md5(concat(stored."team_id", ';', stored."user_id", ';', octet_length(stored."display_name"), ':', stored."display_name", octet_length(stored."profile_image_url"), ':', stored."profile_image_url", stored."created_at", ';')), 16))::bit(64)::bigint::text
FROM (
  SELECT COALESCE(source."teamId"::uuid, '00000000-0000-0000-0000-000000000000'::uuid) AS "team_id", COALESCE(source."projectUserId"::uuid, '00000000-0000-0000-0000-000000000000'::uuid) AS "user_id", source."displayName"::text AS "display_name", source."profileImageUrl"::text AS "profile_image_url", date_trunc('milliseconds', least(greatest(COALESCE(source."createdAt"::timestamp without time zone, '1970-01-01'::timestamp), '1900-01-01'::timestamp), '2299-12-31 23:59:59.999'::timestamp)) AS "created_at"
  FROM public."TeamMember" AS source
  WHERE source."tenancyId" = $1
    AND (source."teamId", source."projectUserId") >= ($2::text::uuid, $3::text::uuid)
    AND (source."teamId", source."projectUserId") < ($4::text::uuid, $5::text::uuid)
) AS stored;
SELECT wanted.place, seen.columns,
       COALESCE(found."unsequenced" OR found."sequence_id" > $4::bigint, FALSE)
       OR EXISTS (
         SELECT FROM public."DeletedRow" AS deleted
         WHERE deleted."tenancyId" = $1 AND deleted."tableName" = 'TeamMember' AND deleted."sequenceId" > $4::bigint
           AND (deleted."primaryKey" ->> 'teamId')::uuid = wanted."team_id"
           AND (deleted."primaryKey" ->> 'projectUserId')::uuid = wanted."user_id")
       OR EXISTS (
         SELECT FROM public."DeletedRow" AS deleted
         WHERE deleted."tenancyId" = $1 AND deleted."tableName" = 'TeamMember' AND deleted."shouldUpdateSequenceId"
           AND (deleted."primaryKey" ->> 'teamId')::uuid = wanted."team_id"
           AND (deleted."primaryKey" ->> 'projectUserId')::uuid = wanted."user_id")
       OR EXISTS (
         SELECT FROM tributary.marker AS marker
         WHERE marker."tenancyId" = $1 AND marker."tableName" = 'TeamMember'
           AND (marker."primaryKey" ->> 'teamId')::uuid = wanted."team_id"
           AND (marker."primaryKey" ->> 'projectUserId')::uuid = wanted."user_id")
       OR EXISTS (
         SELECT FROM tributary.deleted_tenancy AS gone
         WHERE tributary.successor(gone."tenancyId") = $1 AND gone."tenancyId" <> $1
           AND gone.destinations ? '@clickhouse')
FROM (
  SELECT given.place, given."team_id"::uuid AS "team_id", given."user_id"::uuid AS "user_id"
  FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS given ("team_id", "user_id", place)
) AS wanted
LEFT JOIN LATERAL (
  SELECT left(md5(concat(stored."team_id", ';')), 8) || ','
         || left(md5(concat(stored."user_id", ';')), 8) || ','
         || left(md5(concat(octet_length(stored."display_name"), ':', stored."display_name")), 8) || ','
         || left(md5(concat(octet_length(stored."profile_image_url"), ':', stored."profile_image_url")), 8) || ','
         || left(md5(concat(stored."created_at", ';')), 8) || ',' AS columns
  FROM (
    SELECT COALESCE(source."teamId"::uuid, '00000000-0000-0000-0000-000000000000'::uuid) AS "team_id", COALESCE(source."projectUserId"::uuid, '00000000-0000-0000-0000-000000000000'::uuid) AS "user_id", source."displayName"::text AS "display_name", source."profileImageUrl"::text AS "profile_image_url", date_trunc('milliseconds', least(greatest(COALESCE(source."createdAt"::timestamp without time zone, '1970-01-01'::timestamp), '1900-01-01'::timestamp), '2299-12-31 23:59:59.999'::timestamp)) AS "created_at"
    FROM public."TeamMember" AS source
    WHERE source."tenancyId" = $1 AND source."teamId" = wanted."team_id" AND source."projectUserId" = wanted."user_id"
  ) AS stored
) AS seen ON TRUE
LEFT JOIN LATERAL (
  SELECT bool_or(source."shouldUpdateSequenceId" OR source."sequenceId" IS NULL) AS "unsequenced",
         max(source."sequenceId") AS "sequence_id"
  FROM public."TeamMember" AS source
  WHERE source."tenancyId" = $1 AND source."teamId" = wanted."team_id" AND source."projectUserId" = wanted."user_id"
) AS found ON TRUE;
