SELECT change."sequence_id",
       change."is_deleted",
       change."id",
       change."user_id",
       change."type",
       change."value",
       change."is_primary",
       change."is_verified",
       change."used_for_auth",
       change."created_at"
FROM (
  (
    SELECT source."tenancyId" AS "sync_tenancy",
           source."sequenceId" AS "sequence_id",
           FALSE AS "is_deleted",
           source."id"::uuid AS "id",
           source."projectUserId"::uuid AS "user_id",
           source."type"::text AS "type",
           source."value"::text AS "value",
           ("isPrimary" IS NOT NULL)::boolean AS "is_primary",
           source."isVerified"::boolean AS "is_verified",
           ("usedForAuth" IS NOT NULL)::boolean AS "used_for_auth",
           source."createdAt"::timestamp without time zone AS "created_at"
    FROM public."ContactChannel" AS source
    WHERE source."tenancyId" = $1
      AND source."sequenceId" + 0 > $2
  )
  UNION ALL
  (
    SELECT deleted."tenancyId",
           deleted."sequenceId",
           gone."is_deleted",
           gone."id",
           NULL::uuid,
           NULL::text,
           NULL::text,
           NULL::boolean,
           NULL::boolean,
           NULL::boolean,
           gone."created_at"
    FROM public."DeletedRow" AS deleted
    LEFT JOIN LATERAL (
      SELECT TRUE AS "is_deleted",
             (deleted."primaryKey" ->> 'id')::uuid AS "id",
             (deleted."data" ->> 'createdAt')::timestamp without time zone AS "created_at"
      WHERE (
        SELECT TRUE
        FROM public."ContactChannel" AS alive
        WHERE alive."tenancyId" = deleted."tenancyId"
          AND alive."id" = (deleted."primaryKey" ->> 'id')::uuid
        LIMIT 1
      ) IS NULL
      AND (
        SELECT TRUE
        FROM public."ContactChannel" AS alive
        WHERE alive."tenancyId" = tributary.successor(deleted."tenancyId")
          AND alive."id" = (deleted."primaryKey" ->> 'id')::uuid
        LIMIT 1
      ) IS NULL
    ) AS gone ON TRUE
    WHERE deleted."tableName" = 'ContactChannel'
      AND (deleted."tenancyId", deleted."tableName", deleted."sequenceId") > ($1, 'ContactChannel', $2)
      AND (deleted."tenancyId", deleted."tableName", deleted."sequenceId") <= ($1, 'ContactChannel', 9223372036854775807)
  )
) AS change;
SELECT (SELECT count(*) FROM (
    SELECT
    FROM public."ContactChannel" AS source
    WHERE (source."tenancyId", source."sequenceId") > ($1, $2)
      AND (source."tenancyId", source."sequenceId") <= ($1, 9223372036854775807)
      AND source."sequenceId" IS NOT NULL
    ORDER BY source."tenancyId", source."sequenceId"
    LIMIT $3
  ) AS row)
     + (SELECT count(*) FROM (
    SELECT
    FROM public."DeletedRow" AS deleted
    WHERE deleted."tableName" = 'ContactChannel'
      AND (deleted."tenancyId", deleted."tableName", deleted."sequenceId") > ($1, 'ContactChannel', $2)
      AND (deleted."tenancyId", deleted."tableName", deleted."sequenceId") <= ($1, 'ContactChannel', 9223372036854775807)
    ORDER BY deleted."tenancyId", deleted."sequenceId"
    LIMIT $3
  ) AS tombstone);
