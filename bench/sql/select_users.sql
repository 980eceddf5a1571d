-- What table users holds for one tenancy, as somebody would write it who copies it once. :tenancy is replaced by a literal, as COPY takes no parameters.
SELECT u."projectUserId", u."displayName", u."profileImageUrl", c.value, coalesce(c."isVerified", false), u."signedUpAt",
       coalesce(u."clientMetadata", '{}'), coalesce(u."clientReadOnlyMetadata", '{}'), coalesce(u."serverMetadata", '{}'), u."isAnonymous"
FROM "ProjectUser" AS u
LEFT JOIN "ContactChannel" AS c
  ON c."tenancyId" = u."tenancyId" AND c."projectUserId" = u."projectUserId" AND c.type = 'EMAIL' AND c."isPrimary" = 'TRUE'
WHERE u."tenancyId" = :tenancy
