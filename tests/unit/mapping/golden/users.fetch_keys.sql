SELECT 0::bigint AS "sequence_id",
       COALESCE(found."is_deleted", TRUE) AS "is_deleted",
       wanted."id",
       found."display_name",
       found."profile_image_url",
       found."primary_email",
       found."primary_email_verified",
       found."signed_up_at",
       found."client_metadata",
       found."client_read_only_metadata",
       found."server_metadata",
       found."is_anonymous"
FROM unnest($2::uuid[]) AS wanted("id")
LEFT JOIN LATERAL (
  SELECT FALSE AS "is_deleted",
         source."displayName"::text AS "display_name",
         source."profileImageUrl"::text AS "profile_image_url",
         (primary_channel."value")::text AS "primary_email",
         (COALESCE(primary_channel."isVerified", FALSE))::boolean AS "primary_email_verified",
         source."signedUpAt"::timestamp without time zone AS "signed_up_at",
         COALESCE(source."clientMetadata"::jsonb, '{}'::jsonb) AS "client_metadata",
         COALESCE(source."clientReadOnlyMetadata"::jsonb, '{}'::jsonb) AS "client_read_only_metadata",
         COALESCE(source."serverMetadata"::jsonb, '{}'::jsonb) AS "server_metadata",
         source."isAnonymous"::boolean AS "is_anonymous"
  FROM public."ProjectUser" AS source
  LEFT JOIN public."ContactChannel" AS primary_channel
    ON primary_channel."tenancyId" = source."tenancyId" AND primary_channel."projectUserId" = source."projectUserId" AND (primary_channel."type" = 'EMAIL' AND primary_channel."isPrimary" = 'TRUE')
  WHERE source."tenancyId" = $1
    AND source."projectUserId" = wanted."id"
) AS found ON TRUE;
