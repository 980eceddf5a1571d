SELECT 0::bigint AS "sequence_id",
       COALESCE(found."is_deleted", TRUE) AS "is_deleted",
       wanted."team_id",
       wanted."user_id",
       found."display_name",
       found."profile_image_url",
       found."created_at"
FROM unnest($2::uuid[], $3::uuid[]) AS wanted("team_id", "user_id")
LEFT JOIN LATERAL (
  SELECT FALSE AS "is_deleted",
         source."displayName"::text AS "display_name",
         source."profileImageUrl"::text AS "profile_image_url",
         source."createdAt"::timestamp without time zone AS "created_at"
  FROM public."TeamMember" AS source
  WHERE source."tenancyId" = $1
    AND source."teamId" = wanted."team_id"
    AND source."projectUserId" = wanted."user_id"
) AS found ON TRUE;
