-- What table users of the shared ClickHouse holds of the source, as somebody would write it for the engine's own postgresql() to read.
CREATE VIEW public.users_for_clickhouse AS
SELECT u."projectUserId" AS id,
       u."displayName" AS display_name,
       u."profileImageUrl" AS profile_image_url,
       c.value AS primary_email,
       coalesce(c."isVerified", false) AS primary_email_verified,
       u."signedUpAt" AS signed_up_at,
       coalesce(u."clientMetadata", '{}') AS client_metadata,
       coalesce(u."clientReadOnlyMetadata", '{}') AS client_read_only_metadata,
       coalesce(u."serverMetadata", '{}') AS server_metadata,
       u."isAnonymous" AS is_anonymous,
       u."restrictedByAdmin" AS restricted_by_admin,
       u."restrictedByAdminReason" AS restricted_by_admin_reason,
       u."restrictedByAdminPrivateDetails" AS restricted_by_admin_private_details,
       u."sequenceId" AS sync_sequence_id
FROM "ProjectUser" AS u
LEFT JOIN "ContactChannel" AS c
  ON c."tenancyId" = u."tenancyId" AND c."projectUserId" = u."projectUserId" AND c.type = 'EMAIL' AND c."isPrimary" = 'TRUE'
