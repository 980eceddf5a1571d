SELECT change."sequence_id",
       change."is_deleted",
       change."id",
       change."display_name",
       change."profile_image_url",
       change."primary_email",
       change."primary_email_verified",
       change."signed_up_at",
       change."client_metadata",
       change."client_read_only_metadata",
       change."server_metadata",
       change."is_anonymous",
       change."restricted_by_admin",
       change."restricted_by_admin_reason",
       change."restricted_by_admin_private_details"
FROM (
  (
    SELECT source."tenancyId" AS "sync_tenancy",
           source."sequenceId" AS "sequence_id",
           FALSE AS "is_deleted",
           source."projectUserId"::uuid AS "id",
           source."displayName"::text AS "display_name",
           source."profileImageUrl"::text AS "profile_image_url",
           (primary_channel."value")::text AS "primary_email",
           (COALESCE(primary_channel."isVerified", FALSE))::boolean AS "primary_email_verified",
           source."signedUpAt"::timestamp without time zone AS "signed_up_at",
           COALESCE(source."clientMetadata"::jsonb, '{}'::jsonb) AS "client_metadata",
           COALESCE(source."clientReadOnlyMetadata"::jsonb, '{}'::jsonb) AS "client_read_only_metadata",
           COALESCE(source."serverMetadata"::jsonb, '{}'::jsonb) AS "server_metadata",
           source."isAnonymous"::boolean AS "is_anonymous",
           source."restrictedByAdmin"::boolean AS "restricted_by_admin",
           source."restrictedByAdminReason"::text AS "restricted_by_admin_reason",
           source."restrictedByAdminPrivateDetails"::text AS "restricted_by_admin_private_details"
    FROM public."ProjectUser" AS source
    LEFT JOIN public."ContactChannel" AS primary_channel
      ON primary_channel."tenancyId" = source."tenancyId" AND primary_channel."projectUserId" = source."projectUserId" AND (primary_channel."type" = 'EMAIL' AND primary_channel."isPrimary" = 'TRUE')
    WHERE (source."tenancyId", source."sequenceId") > ($1, $2)
      AND (source."tenancyId", source."sequenceId") <= ($1, 9223372036854775807)
      AND source."sequenceId" IS NOT NULL
    ORDER BY source."tenancyId", source."sequenceId"
    LIMIT $3
  )
  UNION ALL
  (
    SELECT deleted."tenancyId",
           deleted."sequenceId",
           gone."is_deleted",
           gone."id",
           NULL::text,
           NULL::text,
           NULL::text,
           NULL::boolean,
           gone."signed_up_at",
           NULL::jsonb,
           NULL::jsonb,
           NULL::jsonb,
           NULL::boolean,
           NULL::boolean,
           NULL::text,
           NULL::text
    FROM public."DeletedRow" AS deleted
    LEFT JOIN LATERAL (
      SELECT TRUE AS "is_deleted",
             (deleted."primaryKey" ->> 'projectUserId')::uuid AS "id",
             (deleted."data" ->> 'signedUpAt')::timestamp without time zone AS "signed_up_at"
      WHERE (
        SELECT TRUE
        FROM public."ProjectUser" AS alive
        WHERE alive."tenancyId" = deleted."tenancyId"
          AND alive."projectUserId" = (deleted."primaryKey" ->> 'projectUserId')::uuid
        LIMIT 1
      ) IS NULL
      AND (
        SELECT TRUE
        FROM public."ProjectUser" AS alive
        WHERE alive."tenancyId" = tributary.successor(deleted."tenancyId")
          AND alive."projectUserId" = (deleted."primaryKey" ->> 'projectUserId')::uuid
        LIMIT 1
      ) IS NULL
    ) AS gone ON TRUE
    WHERE deleted."tableName" = 'ProjectUser'
      AND (deleted."tenancyId", deleted."tableName", deleted."sequenceId") > ($1, 'ProjectUser', $2)
      AND (deleted."tenancyId", deleted."tableName", deleted."sequenceId") <= ($1, 'ProjectUser', 9223372036854775807)
    ORDER BY deleted."tenancyId", deleted."sequenceId"
    LIMIT $3
  )
) AS change
ORDER BY change."sync_tenancy", change."sequence_id"
LIMIT $3;
