SELECT numbered."id"::text
FROM (
  SELECT listed.*, row_number() OVER () - 1 AS place
  FROM (
    SELECT target."id" AS "id"
    FROM public."teams" AS target
    WHERE TRUE
    AND (target."id") >= ($1::text::uuid)
    AND (target."id") < ($2::text::uuid)
    ORDER BY target."id"
    LIMIT $4::bigint
  ) AS listed
) AS numbered
WHERE place > 0 AND place % $3::bigint = 0
ORDER BY place;
SELECT width_bucket(stored."id", $1::text[]::uuid[]) AS range, count(*) AS rows, sum(hashtextextended((concat(stored."id", ';', octet_length(stored."display_name"), ':', stored."display_name", octet_length(stored."profile_image_url"), ':', stored."profile_image_url", stored."created_at", ';', stored."client_metadata", ';', stored."client_read_only_metadata", ';', stored."server_metadata", ';')) COLLATE "C", 0))::text AS sum
FROM (
  SELECT target."id", target."display_name", target."profile_image_url", target."created_at", target."client_metadata", target."client_read_only_metadata", target."server_metadata"
  FROM public."teams" AS target
  WHERE TRUE
) AS stored
GROUP BY 1;
SELECT stored."id"::text, hashtextextended((concat(stored."id", ';', octet_length(stored."display_name"), ':', stored."display_name", octet_length(stored."profile_image_url"), ':', stored."profile_image_url", stored."created_at", ';', stored."client_metadata", ';', stored."client_read_only_metadata", ';', stored."server_metadata", ';')) COLLATE "C", 0)::text
FROM (
  SELECT target."id", target."display_name", target."profile_image_url", target."created_at", target."client_metadata", target."client_read_only_metadata", target."server_metadata"
  FROM public."teams" AS target
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
         || left(md5(concat(octet_length(stored."display_name"), ':', stored."display_name")), 8) || ','
         || left(md5(concat(octet_length(stored."profile_image_url"), ':', stored."profile_image_url")), 8) || ','
         || left(md5(concat(stored."created_at", ';')), 8) || ','
         || left(md5(concat(stored."client_metadata", ';')), 8) || ','
         || left(md5(concat(stored."client_read_only_metadata", ';')), 8) || ','
         || left(md5(concat(stored."server_metadata", ';')), 8) || ',' AS columns
  FROM (
    SELECT target."id", target."display_name", target."profile_image_url", target."created_at", target."client_metadata", target."client_read_only_metadata", target."server_metadata"
    FROM public."teams" AS target
    WHERE TRUE AND target."id" = wanted."id"
  ) AS stored
) AS found;
