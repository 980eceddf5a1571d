SELECT numbered."id"::text
FROM (
  SELECT listed.*, row_number() OVER () - 1 AS place
  FROM (
    SELECT source."teamId" AS "id"
    FROM public."Team" AS source
    WHERE source."tenancyId" = $1
    AND (source."teamId") >= ($2::text::uuid)
    AND (source."teamId") < ($3::text::uuid)
    ORDER BY source."teamId"
    LIMIT $5::bigint
  ) AS listed
) AS numbered
WHERE place > 0 AND place % $4::bigint = 0
ORDER BY place;
SELECT width_bucket(stored."id", $2::text[]::uuid[]) AS range, count(*) AS rows, sum(('x' || left(md5(concat(stored."id", ';', octet_length(stored."display_name"), ':', stored."display_name", octet_length(stored."profile_image_url"), ':', stored."profile_image_url", stored."created_at", ';', stored."client_metadata", ';', stored."client_read_only_metadata", ';', stored."server_metadata", ';')), 16))::bit(64)::bigint)::text AS sum
FROM (
  SELECT COALESCE(source."teamId"::uuid, '00000000-0000-0000-0000-000000000000'::uuid) AS "id", COALESCE(source."displayName"::text, '') AS "display_name", source."profileImageUrl"::text AS "profile_image_url", date_trunc('milliseconds', least(greatest(COALESCE(source."createdAt"::timestamp without time zone, '1970-01-01'::timestamp), '1900-01-01'::timestamp), '2299-12-31 23:59:59.999'::timestamp)) AS "created_at", COALESCE(COALESCE(source."clientMetadata"::jsonb, '{}'::jsonb)::text, '') AS "client_metadata", COALESCE(COALESCE(source."clientReadOnlyMetadata"::jsonb, '{}'::jsonb)::text, '') AS "client_read_only_metadata", COALESCE(COALESCE(source."serverMetadata"::jsonb, '{}'::jsonb)::text, '') AS "server_metadata"
  FROM public."Team" AS source
  WHERE source."tenancyId" = $1
) AS stored
GROUP BY 1;
SELECT stored."id"::text, ('x' || left(md5(concat(stored."id", ';', octet_length(stored."display_name"), ':', stored."display_name", octet_length(stored."profile_image_url"), ':', stored."profile_image_url", stored."created_at", ';', stored."client_metadata", ';', stored."client_read_only_metadata", ';', stored."server_metadata", ';')), 16))::bit(64)::bigint::text
FROM (
  SELECT COALESCE(source."teamId"::uuid, '00000000-0000-0000-0000-000000000000'::uuid) AS "id", COALESCE(source."displayName"::text, '') AS "display_name", source."profileImageUrl"::text AS "profile_image_url", date_trunc('milliseconds', least(greatest(COALESCE(source."createdAt"::timestamp without time zone, '1970-01-01'::timestamp), '1900-01-01'::timestamp), '2299-12-31 23:59:59.999'::timestamp)) AS "created_at", COALESCE(COALESCE(source."clientMetadata"::jsonb, '{}'::jsonb)::text, '') AS "client_metadata", COALESCE(COALESCE(source."clientReadOnlyMetadata"::jsonb, '{}'::jsonb)::text, '') AS "client_read_only_metadata", COALESCE(COALESCE(source."serverMetadata"::jsonb, '{}'::jsonb)::text, '') AS "server_metadata"
  FROM public."Team" AS source
  WHERE source."tenancyId" = $1
    AND (source."teamId") >= ($2::text::uuid)
    AND (source."teamId") < ($3::text::uuid)
) AS stored;
SELECT wanted.place, seen.columns,
       COALESCE(found."unsequenced" OR found."sequence_id" > $3::bigint, FALSE)
       OR EXISTS (
         SELECT FROM public."DeletedRow" AS deleted
         WHERE deleted."tenancyId" = $1 AND deleted."tableName" = 'Team' AND deleted."sequenceId" > $3::bigint
           AND (deleted."primaryKey" ->> 'teamId')::uuid = wanted."id")
       OR EXISTS (
         SELECT FROM public."DeletedRow" AS deleted
         WHERE deleted."tenancyId" = $1 AND deleted."tableName" = 'Team' AND deleted."shouldUpdateSequenceId"
           AND (deleted."primaryKey" ->> 'teamId')::uuid = wanted."id")
       OR EXISTS (
         SELECT FROM tributary.marker AS marker
         WHERE marker."tenancyId" = $1 AND marker."tableName" = 'Team'
           AND (marker."primaryKey" ->> 'teamId')::uuid = wanted."id")
       OR EXISTS (
         SELECT FROM tributary.deleted_tenancy AS gone
         WHERE tributary.successor(gone."tenancyId") = $1 AND gone."tenancyId" <> $1
           AND gone.destinations ? '@clickhouse')
FROM (
  SELECT given.place, given."id"::uuid AS "id"
  FROM unnest($2::text[]) WITH ORDINALITY AS given ("id", place)
) AS wanted
LEFT JOIN LATERAL (
  SELECT left(md5(concat(stored."id", ';')), 8) || ','
         || left(md5(concat(octet_length(stored."display_name"), ':', stored."display_name")), 8) || ','
         || left(md5(concat(octet_length(stored."profile_image_url"), ':', stored."profile_image_url")), 8) || ','
         || left(md5(concat(stored."created_at", ';')), 8) || ','
         || left(md5(concat(stored."client_metadata", ';')), 8) || ','
         || left(md5(concat(stored."client_read_only_metadata", ';')), 8) || ','
         || left(md5(concat(stored."server_metadata", ';')), 8) || ',' AS columns
  FROM (
    SELECT COALESCE(source."teamId"::uuid, '00000000-0000-0000-0000-000000000000'::uuid) AS "id", COALESCE(source."displayName"::text, '') AS "display_name", source."profileImageUrl"::text AS "profile_image_url", date_trunc('milliseconds', least(greatest(COALESCE(source."createdAt"::timestamp without time zone, '1970-01-01'::timestamp), '1900-01-01'::timestamp), '2299-12-31 23:59:59.999'::timestamp)) AS "created_at", COALESCE(COALESCE(source."clientMetadata"::jsonb, '{}'::jsonb)::text, '') AS "client_metadata", COALESCE(COALESCE(source."clientReadOnlyMetadata"::jsonb, '{}'::jsonb)::text, '') AS "client_read_only_metadata", COALESCE(COALESCE(source."serverMetadata"::jsonb, '{}'::jsonb)::text, '') AS "server_metadata"
    FROM public."Team" AS source
    WHERE source."tenancyId" = $1 AND source."teamId" = wanted."id"
  ) AS stored
) AS seen ON TRUE
LEFT JOIN LATERAL (
  SELECT bool_or(source."shouldUpdateSequenceId" OR source."sequenceId" IS NULL) AS "unsequenced",
         max(source."sequenceId") AS "sequence_id"
  FROM public."Team" AS source
  WHERE source."tenancyId" = $1 AND source."teamId" = wanted."id"
) AS found ON TRUE;
