SELECT 0::bigint AS "sequence_id",
       COALESCE(found."is_deleted", TRUE) AS "is_deleted",
       wanted."id",
       found."user_id",
       found."type",
       found."value",
       found."is_primary",
       found."is_verified",
       found."used_for_auth",
       found."created_at"
FROM unnest($2::uuid[]) AS wanted("id")
LEFT JOIN LATERAL (
  SELECT FALSE AS "is_deleted",
         source."projectUserId"::uuid AS "user_id",
         source."type"::text AS "type",
         source."value"::text AS "value",
         ("isPrimary" IS NOT NULL)::boolean AS "is_primary",
         source."isVerified"::boolean AS "is_verified",
         ("usedForAuth" IS NOT NULL)::boolean AS "used_for_auth",
         source."createdAt"::timestamp without time zone AS "created_at"
  FROM public."ContactChannel" AS source
  WHERE source."tenancyId" = $1
    AND source."id" = wanted."id"
  ORDER BY COALESCE(source."sequenceId", 9223372036854775807) DESC
  LIMIT 1
) AS found ON TRUE;
