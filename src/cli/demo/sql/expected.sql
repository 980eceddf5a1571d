-- What each target table must hold for tenancy $1 (put in as a literal: COPY takes no parameters). Written by hand from the schema, on purpose not
-- from the mappings: this is what the service is checked against. First the key as text, then every column, all as text.

--; users
SELECT u."projectUserId"::text AS key,
       u."projectUserId"::text,
       u."displayName",
       u."profileImageUrl",
       (SELECT c.value FROM "ContactChannel" AS c
        WHERE c."tenancyId" = u."tenancyId" AND c."projectUserId" = u."projectUserId" AND c.type = 'EMAIL' AND c."isPrimary" = 'TRUE'),
       EXISTS (SELECT FROM "ContactChannel" AS c
               WHERE c."tenancyId" = u."tenancyId" AND c."projectUserId" = u."projectUserId" AND c.type = 'EMAIL' AND c."isPrimary" = 'TRUE'
                 AND c."isVerified")::text,
       u."signedUpAt"::text,
       coalesce(u."clientMetadata", '{}')::text,
       coalesce(u."clientReadOnlyMetadata", '{}')::text,
       coalesce(u."serverMetadata", '{}')::text,
       u."isAnonymous"::text
FROM "ProjectUser" AS u
WHERE u."tenancyId" = $1

--; contact_channels
SELECT id::text AS key,
       id::text,
       "projectUserId"::text,
       type::text,
       value,
       ("isPrimary" IS NOT NULL)::text,
       "isVerified"::text,
       ("usedForAuth" IS NOT NULL)::text,
       "createdAt"::text
FROM "ContactChannel"
WHERE "tenancyId" = $1

--; teams
SELECT "teamId"::text AS key,
       "teamId"::text,
       "displayName",
       "profileImageUrl",
       "createdAt"::text,
       coalesce("clientMetadata", '{}')::text,
       coalesce("clientReadOnlyMetadata", '{}')::text,
       coalesce("serverMetadata", '{}')::text
FROM "Team"
WHERE "tenancyId" = $1

--; team_member_profiles
SELECT "teamId" || ' ' || "projectUserId" AS key,
       "teamId"::text,
       "projectUserId"::text,
       "displayName",
       "profileImageUrl",
       "createdAt"::text
FROM "TeamMember"
WHERE "tenancyId" = $1
