SELECT change."sequence_id",
       change."is_deleted",
       change."team_id",
       change."user_id",
       change."display_name",
       change."profile_image_url",
       change."created_at"
FROM (
  (
    SELECT source."tenancyId" AS "sync_tenancy",
           source."sequenceId" AS "sequence_id",
           FALSE AS "is_deleted",
           source."teamId"::uuid AS "team_id",
           source."projectUserId"::uuid AS "user_id",
           source."displayName"::text AS "display_name",
           source."profileImageUrl"::text AS "profile_image_url",
           source."createdAt"::timestamp without time zone AS "created_at"
    FROM public."TeamMember" AS source
    WHERE source."tenancyId" = $1
      AND source."sequenceId" + 0 > $2
  )
  UNION ALL
  (
    SELECT deleted."tenancyId",
           deleted."sequenceId",
           gone."is_deleted",
           gone."team_id",
           gone."user_id",
           NULL::text,
           NULL::text,
           gone."created_at"
    FROM public."DeletedRow" AS deleted
    LEFT JOIN LATERAL (
      SELECT TRUE AS "is_deleted",
             (deleted."primaryKey" ->> 'teamId')::uuid AS "team_id",
             (deleted."primaryKey" ->> 'projectUserId')::uuid AS "user_id",
             (deleted."data" ->> 'createdAt')::timestamp without time zone AS "created_at"
      WHERE (
        SELECT TRUE
        FROM public."TeamMember" AS alive
        WHERE alive."tenancyId" = deleted."tenancyId"
          AND alive."teamId" = (deleted."primaryKey" ->> 'teamId')::uuid
          AND alive."projectUserId" = (deleted."primaryKey" ->> 'projectUserId')::uuid
        LIMIT 1
      ) IS NULL
      AND (
        SELECT TRUE
        FROM public."TeamMember" AS alive
        WHERE alive."tenancyId" = tributary.successor(deleted."tenancyId")
          AND alive."teamId" = (deleted."primaryKey" ->> 'teamId')::uuid
          AND alive."projectUserId" = (deleted."primaryKey" ->> 'projectUserId')::uuid
        LIMIT 1
      ) IS NULL
    ) AS gone ON TRUE
    WHERE deleted."tableName" = 'TeamMember'
      AND (deleted."tenancyId", deleted."tableName", deleted."sequenceId") > ($1, 'TeamMember', $2)
      AND (deleted."tenancyId", deleted."tableName", deleted."sequenceId") <= ($1, 'TeamMember', 9223372036854775807)
  )
) AS change;
SELECT (SELECT count(*) FROM (
    SELECT
    FROM public."TeamMember" AS source
    WHERE (source."tenancyId", source."sequenceId") > ($1, $2)
      AND (source."tenancyId", source."sequenceId") <= ($1, 9223372036854775807)
      AND source."sequenceId" IS NOT NULL
    ORDER BY source."tenancyId", source."sequenceId"
    LIMIT $3
  ) AS row)
     + (SELECT count(*) FROM (
    SELECT
    FROM public."DeletedRow" AS deleted
    WHERE deleted."tableName" = 'TeamMember'
      AND (deleted."tenancyId", deleted."tableName", deleted."sequenceId") > ($1, 'TeamMember', $2)
      AND (deleted."tenancyId", deleted."tableName", deleted."sequenceId") <= ($1, 'TeamMember', 9223372036854775807)
    ORDER BY deleted."tenancyId", deleted."sequenceId"
    LIMIT $3
  ) AS tombstone);
