SELECT numbered."id"::text
FROM (
  SELECT listed.*, row_number() OVER () - 1 AS place
  FROM (
    SELECT source."id" AS "id"
    FROM public."ContactChannel" AS source
    WHERE source."tenancyId" = $1
    AND (source."id") >= ($2::text::uuid)
    AND (source."id") < ($3::text::uuid)
    ORDER BY source."id"
    LIMIT $5::bigint
  ) AS listed
) AS numbered
WHERE place > 0 AND place % $4::bigint = 0
ORDER BY place;
SELECT width_bucket(stored."id", $2::text[]::uuid[]) AS range, count(*) AS rows, sum(('x' || left(md5(concat(stored."id", ';', stored."user_id", ';', octet_length(stored."type"), ':', stored."type", octet_length(stored."value"), ':', stored."value", stored."is_primary", ';', stored."is_verified", ';', stored."used_for_auth", ';', stored."created_at", ';')), 16))::bit(64)::bigint)::text AS sum
FROM (
  SELECT DISTINCT ON (source."id") COALESCE(source."id"::uuid, '00000000-0000-0000-0000-000000000000'::uuid) AS "id", COALESCE(source."projectUserId"::uuid, '00000000-0000-0000-0000-000000000000'::uuid) AS "user_id", COALESCE(source."type"::text, '') AS "type", COALESCE(source."value"::text, '') AS "value", COALESCE(("isPrimary" IS NOT NULL)::boolean, FALSE) AS "is_primary", COALESCE(source."isVerified"::boolean, FALSE) AS "is_verified", COALESCE(("usedForAuth" IS NOT NULL)::boolean, FALSE) AS "used_for_auth", date_trunc('milliseconds', least(greatest(COALESCE(source."createdAt"::timestamp without time zone, '1970-01-01'::timestamp), '1900-01-01'::timestamp), '2299-12-31 23:59:59.999'::timestamp)) AS "created_at"
  FROM public."ContactChannel" AS source
  WHERE source."tenancyId" = $1
  ORDER BY source."id", COALESCE(source."sequenceId", 9223372036854775807) DESC
) AS stored
GROUP BY 1;
SELECT stored."id"::text, ('x' || left(md5(concat(stored."id", ';', stored."user_id", ';', octet_length(stored."type"), ':', stored."type", octet_length(stored."value"), ':', stored."value", stored."is_primary", ';', stored."is_verified", ';', stored."used_for_auth", ';', stored."created_at", ';')), 16))::bit(64)::bigint::text
FROM (
  SELECT DISTINCT ON (source."id") COALESCE(source."id"::uuid, '00000000-0000-0000-0000-000000000000'::uuid) AS "id", COALESCE(source."projectUserId"::uuid, '00000000-0000-0000-0000-000000000000'::uuid) AS "user_id", COALESCE(source."type"::text, '') AS "type", COALESCE(source."value"::text, '') AS "value", COALESCE(("isPrimary" IS NOT NULL)::boolean, FALSE) AS "is_primary", COALESCE(source."isVerified"::boolean, FALSE) AS "is_verified", COALESCE(("usedForAuth" IS NOT NULL)::boolean, FALSE) AS "used_for_auth", date_trunc('milliseconds', least(greatest(COALESCE(source."createdAt"::timestamp without time zone, '1970-01-01'::timestamp), '1900-01-01'::timestamp), '2299-12-31 23:59:59.999'::timestamp)) AS "created_at"
  FROM public."ContactChannel" AS source
  WHERE source."tenancyId" = $1
    AND (source."id") >= ($2::text::uuid)
    AND (source."id") < ($3::text::uuid)
  ORDER BY source."id", COALESCE(source."sequenceId", 9223372036854775807) DESC
) AS stored;
SELECT wanted.place, seen.columns,
       COALESCE(found."unsequenced" OR found."sequence_id" > $3::bigint, FALSE)
       OR EXISTS (
         SELECT FROM public."DeletedRow" AS deleted
         WHERE deleted."tenancyId" = $1 AND deleted."tableName" = 'ContactChannel' AND deleted."sequenceId" > $3::bigint
           AND (deleted."primaryKey" ->> 'id')::uuid = wanted."id")
       OR EXISTS (
         SELECT FROM public."DeletedRow" AS deleted
         WHERE deleted."tenancyId" = $1 AND deleted."tableName" = 'ContactChannel' AND deleted."shouldUpdateSequenceId"
           AND (deleted."primaryKey" ->> 'id')::uuid = wanted."id")
       OR EXISTS (
         SELECT FROM tributary.marker AS marker
         WHERE marker."tenancyId" = $1 AND marker."tableName" = 'ContactChannel'
           AND (marker."primaryKey" ->> 'id')::uuid = wanted."id")
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
         || left(md5(concat(stored."user_id", ';')), 8) || ','
         || left(md5(concat(octet_length(stored."type"), ':', stored."type")), 8) || ','
         || left(md5(concat(octet_length(stored."value"), ':', stored."value")), 8) || ','
         || left(md5(concat(stored."is_primary", ';')), 8) || ','
         || left(md5(concat(stored."is_verified", ';')), 8) || ','
         || left(md5(concat(stored."used_for_auth", ';')), 8) || ','
         || left(md5(concat(stored."created_at", ';')), 8) || ',' AS columns
  FROM (
    SELECT DISTINCT ON (source."id") COALESCE(source."id"::uuid, '00000000-0000-0000-0000-000000000000'::uuid) AS "id", COALESCE(source."projectUserId"::uuid, '00000000-0000-0000-0000-000000000000'::uuid) AS "user_id", COALESCE(source."type"::text, '') AS "type", COALESCE(source."value"::text, '') AS "value", COALESCE(("isPrimary" IS NOT NULL)::boolean, FALSE) AS "is_primary", COALESCE(source."isVerified"::boolean, FALSE) AS "is_verified", COALESCE(("usedForAuth" IS NOT NULL)::boolean, FALSE) AS "used_for_auth", date_trunc('milliseconds', least(greatest(COALESCE(source."createdAt"::timestamp without time zone, '1970-01-01'::timestamp), '1900-01-01'::timestamp), '2299-12-31 23:59:59.999'::timestamp)) AS "created_at"
    FROM public."ContactChannel" AS source
    WHERE source."tenancyId" = $1 AND source."id" = wanted."id"
    ORDER BY source."id", COALESCE(source."sequenceId", 9223372036854775807) DESC
  ) AS stored
) AS seen ON TRUE
LEFT JOIN LATERAL (
  SELECT bool_or(source."shouldUpdateSequenceId" OR source."sequenceId" IS NULL) AS "unsequenced",
         max(source."sequenceId") AS "sequence_id"
  FROM public."ContactChannel" AS source
  WHERE source."tenancyId" = $1 AND source."id" = wanted."id"
) AS found ON TRUE;
