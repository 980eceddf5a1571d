SELECT 0::bigint AS "sequence_id",
       COALESCE(found."is_deleted", TRUE) AS "is_deleted",
       wanted."id",
       found."display_name",
       found."profile_image_url",
       found."created_at",
       found."client_metadata",
       found."client_read_only_metadata",
       found."server_metadata"
FROM unnest($2::uuid[]) AS wanted("id")
LEFT JOIN LATERAL (
  SELECT FALSE AS "is_deleted",
         source."displayName"::text AS "display_name",
         source."profileImageUrl"::text AS "profile_image_url",
         source."createdAt"::timestamp without time zone AS "created_at",
         COALESCE(source."clientMetadata"::jsonb, '{}'::jsonb) AS "client_metadata",
         COALESCE(source."clientReadOnlyMetadata"::jsonb, '{}'::jsonb) AS "client_read_only_metadata",
         COALESCE(source."serverMetadata"::jsonb, '{}'::jsonb) AS "server_metadata"
  FROM public."Team" AS source
  WHERE source."tenancyId" = $1
    AND source."teamId" = wanted."id"
) AS found ON TRUE;
