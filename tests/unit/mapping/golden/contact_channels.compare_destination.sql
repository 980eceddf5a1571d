SELECT numbered."id"::text
FROM (
  SELECT listed.*, row_number() OVER () - 1 AS place
  FROM (
    SELECT target."id" AS "id"
    FROM public."contact_channels" AS target
    WHERE TRUE
    AND (target."id") >= ($1::text::uuid)
    AND (target."id") < ($2::text::uuid)
    ORDER BY target."id"
    LIMIT $4::bigint
  ) AS listed
) AS numbered
WHERE place > 0 AND place % $3::bigint = 0
ORDER BY place;
SELECT width_bucket(stored."id", $1::text[]::uuid[]) AS range, count(*) AS rows, sum(hashtextextended((concat(stored."id", ';', stored."user_id", ';', octet_length(stored."type"), ':', stored."type", octet_length(stored."value"), ':', stored."value", stored."is_primary", ';', stored."is_verified", ';', stored."used_for_auth", ';', stored."created_at", ';')) COLLATE "C", 0))::text AS sum
FROM (
  SELECT target."id", target."user_id", target."type", target."value", target."is_primary", target."is_verified", target."used_for_auth", target."created_at"
  FROM public."contact_channels" AS target
  WHERE TRUE
) AS stored
GROUP BY 1;
SELECT stored."id"::text, hashtextextended((concat(stored."id", ';', stored."user_id", ';', octet_length(stored."type"), ':', stored."type", octet_length(stored."value"), ':', stored."value", stored."is_primary", ';', stored."is_verified", ';', stored."used_for_auth", ';', stored."created_at", ';')) COLLATE "C", 0)::text
FROM (
  SELECT target."id", target."user_id", target."type", target."value", target."is_primary", target."is_verified", target."used_for_auth", target."created_at"
  FROM public."contact_channels" AS target
  WHERE TRUE
    AND (target."id") >= ($1::text::uuid)
    AND (target."id") < ($2::text::uuid)
) AS stored;
SELECT wanted.place, found.columns
FROM (
  SELECT given.place, given."id"::uuid AS "id"
  FROM unnest($1::text[]) WITH ORDINALITY AS given ("id", place)
) AS wanted
CROSS JOIN LATERAL (
  SELECT left(md5(concat(stored."id", ';')), 8) || ','
         || left(md5(concat(stored."user_id", ';')), 8) || ','
         || left(md5(concat(octet_length(stored."type"), ':', stored."type")), 8) || ','
         || left(md5(concat(octet_length(stored."value"), ':', stored."value")), 8) || ','
         || left(md5(concat(stored."is_primary", ';')), 8) || ','
         || left(md5(concat(stored."is_verified", ';')), 8) || ','
         || left(md5(concat(stored."used_for_auth", ';')), 8) || ','
         || left(md5(concat(stored."created_at", ';')), 8) || ',' AS columns
  FROM (
    SELECT target."id", target."user_id", target."type", target."value", target."is_primary", target."is_verified", target."used_for_auth", target."created_at"
    FROM public."contact_channels" AS target
    WHERE TRUE AND target."id" = wanted."id"
  ) AS stored
) AS found;
