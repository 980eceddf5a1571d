SELECT numbered."team_id"::text, numbered."user_id"::text
FROM (
  SELECT listed.*, row_number() OVER () - 1 AS place
  FROM (
    SELECT target."team_id" AS "team_id", target."user_id" AS "user_id"
    FROM public."team_member_profiles" AS target
    WHERE TRUE
    AND (target."team_id", target."user_id") >= ($1::text::uuid, $2::text::uuid)
    AND (target."team_id", target."user_id") < ($3::text::uuid, $4::text::uuid)
    ORDER BY target."team_id", target."user_id"
    LIMIT $6::bigint
  ) AS listed
) AS numbered
WHERE place > 0 AND place % $5::bigint = 0
ORDER BY place;
SELECT width_bucket(ROW(stored."team_id", stored."user_id"), ARRAY(SELECT ROW(bound."team_id"::uuid, bound."user_id"::uuid) FROM unnest($1::text[], $2::text[]) AS bound ("team_id", "user_id"))) AS range, count(*) AS rows, sum(hashtextextended((concat(stored."team_id", ';', stored."user_id", ';', octet_length(stored."display_name"), ':', stored."display_name", octet_length(stored."profile_image_url"), ':', stored."profile_image_url", stored."created_at", ';')) COLLATE "C", 0))::text AS sum
FROM (
  SELECT target."team_id", target."user_id", target."display_name", target."profile_image_url", target."created_at"
  FROM public."team_member_profiles" AS target
  WHERE TRUE
) AS stored
GROUP BY 1;
SELECT stored."team_id"::text, stored."user_id"::text, hashtextextended((concat(stored."team_id", ';', stored."user_id", ';', octet_length(stored."display_name"), ':', stored."display_name", octet_length(stored."profile_image_url"), ':', stored."profile_image_url", stored."created_at", ';')) COLLATE "C", 0)::text
FROM (
  SELECT target."team_id", target."user_id", target."display_name", target."profile_image_url", target."created_at"
  FROM public."team_member_profiles" AS target
  WHERE TRUE
    AND (target."team_id", target."user_id") >= ($1::text::uuid, $2::text::uuid)
    AND (target."team_id", target."user_id") < ($3::text::uuid, $4::text::uuid)
) AS stored;
SELECT wanted.place, found.columns
FROM (
  SELECT given.place, given."team_id"::uuid AS "team_id", given."user_id"::uuid AS "user_id"
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS given ("team_id", "user_id", place)
) AS wanted
CROSS JOIN LATERAL (
  SELECT left(md5(concat(stored."team_id", ';')), 8) || ','
         || left(md5(concat(stored."user_id", ';')), 8) || ','
         || left(md5(concat(octet_length(stored."display_name"), ':', stored."display_name")), 8) || ','
         || left(md5(concat(octet_length(stored."profile_image_url"), ':', stored."profile_image_url")), 8) || ','
         || left(md5(concat(stored."created_at", ';')), 8) || ',' AS columns
  FROM (
    SELECT target."team_id", target."user_id", target."display_name", target."profile_image_url", target."created_at"
    FROM public."team_member_profiles" AS target
    WHERE TRUE AND target."team_id" = wanted."team_id" AND target."user_id" = wanted."user_id"
  ) AS stored
) AS found;
