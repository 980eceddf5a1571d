-- $1 tenancy: every user's primary e-mail address, so that reading users has its join to do.
INSERT INTO "ContactChannel" ("tenancyId", "projectUserId", "isPrimary", "usedForAuth", value)
SELECT u."tenancyId", u."projectUserId", 'TRUE', 'TRUE', u."projectUserId" || '@mail.example'
FROM "ProjectUser" AS u
WHERE u."tenancyId" = $1::uuid
