-- What an application does all day: `--; <weight> <name>`, one statement each, picked at random by weight.
-- Parameters: $1 tenancy, $2 a random uuid (the first row at or after it is the one that is changed), $3 a new uuid, $4 a random number.

--; 30 user seen
UPDATE "ProjectUser"
SET "lastActiveAt" = now(), "updatedAt" = now(), "clientMetadata" = coalesce("clientMetadata", '{}') || jsonb_build_object('visits', $4 % 1000)
WHERE "tenancyId" = $1
  AND "projectUserId" = (
    SELECT "projectUserId" FROM "ProjectUser" WHERE "tenancyId" = $1 AND "projectUserId" >= $2 ORDER BY "projectUserId" LIMIT 1);

--; 10 user renamed
UPDATE "ProjectUser"
SET "displayName" = pg_temp.first_name($4, 0) || ' ' || pg_temp.last_name($4, 0), "updatedAt" = now()
WHERE "tenancyId" = $1
  AND "projectUserId" = (
    SELECT "projectUserId" FROM "ProjectUser" WHERE "tenancyId" = $1 AND "projectUserId" >= $2 ORDER BY "projectUserId" LIMIT 1);

--; 3 several users changed at once
UPDATE "ProjectUser"
SET "serverMetadata" = coalesce("serverMetadata", '{}') || jsonb_build_object('campaign', $4), "updatedAt" = now()
WHERE "tenancyId" = $1
  AND "projectUserId" IN (
    SELECT "projectUserId" FROM "ProjectUser" WHERE "tenancyId" = $1 AND "projectUserId" >= $2 ORDER BY "projectUserId" LIMIT 1 + $4 % 50);

--; 14 user signed up
WITH project AS (
  SELECT "projectId", "branchId" FROM "Tenancy" WHERE id = $1
), signed_up AS (
  INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId", "mirroredBranchId", "displayName", "clientMetadata")
  SELECT $1, $3, "projectId", "branchId", pg_temp.first_name($4, 0) || ' ' || pg_temp.last_name($4, 0), '{"onboarded": false}'
  FROM project
  RETURNING "tenancyId", "projectUserId"
)
INSERT INTO "ContactChannel" ("tenancyId", "projectUserId", id, type, "isPrimary", "usedForAuth", value)
SELECT "tenancyId", "projectUserId", gen_random_uuid(), 'EMAIL', 'TRUE', 'TRUE', 'new.' || $3 || '@mail.example'
FROM signed_up;

--; 8 user deleted
-- with contact channels and memberships
DELETE FROM "ProjectUser"
WHERE "tenancyId" = $1
  AND "projectUserId" = (
    SELECT "projectUserId" FROM "ProjectUser" WHERE "tenancyId" = $1 AND "projectUserId" >= $2 ORDER BY "projectUserId" LIMIT 1);

--; 10 address verified
UPDATE "ContactChannel"
SET "isVerified" = NOT "isVerified", "updatedAt" = now()
WHERE ("tenancyId", "projectUserId", id) = (
    SELECT "tenancyId", "projectUserId", id FROM "ContactChannel"
    WHERE "tenancyId" = $1 AND "projectUserId" >= $2 ORDER BY "projectUserId", id LIMIT 1);

--; 5 address changed
UPDATE "ContactChannel"
SET value = 'changed.' || $3 || '@post.example', "isVerified" = false, "updatedAt" = now()
WHERE ("tenancyId", "projectUserId", id) = (
    SELECT "tenancyId", "projectUserId", id FROM "ContactChannel"
    WHERE "tenancyId" = $1 AND "projectUserId" >= $2 ORDER BY "projectUserId", id LIMIT 1);

--; 4 address added
INSERT INTO "ContactChannel" ("tenancyId", "projectUserId", id, type, value)
SELECT "tenancyId", "projectUserId", $3, 'EMAIL', 'second.' || $3 || '@example.net'
FROM "ProjectUser"
WHERE "tenancyId" = $1 AND "projectUserId" >= $2
ORDER BY "projectUserId"
LIMIT 1;

--; 2 address no longer primary
UPDATE "ContactChannel"
SET "isPrimary" = NULL, "updatedAt" = now()
WHERE ("tenancyId", "projectUserId", id) = (
    SELECT "tenancyId", "projectUserId", id FROM "ContactChannel"
    WHERE "tenancyId" = $1 AND "projectUserId" >= $2 ORDER BY "projectUserId", id LIMIT 1);

--; 3 address moved to another user
-- Its key changes, and the e-mail address of two users.
UPDATE "ContactChannel"
SET "projectUserId" = (
      SELECT "projectUserId" FROM "ProjectUser" WHERE "tenancyId" = $1 AND "projectUserId" >= $3 ORDER BY "projectUserId" LIMIT 1),
    "isPrimary" = NULL, "updatedAt" = now()
WHERE ("tenancyId", "projectUserId", id) = (
    SELECT "tenancyId", "projectUserId", id FROM "ContactChannel"
    WHERE "tenancyId" = $1 AND "projectUserId" >= $2 ORDER BY "projectUserId", id LIMIT 1)
  AND EXISTS (SELECT FROM "ProjectUser" WHERE "tenancyId" = $1 AND "projectUserId" >= $3);

--; 8 team joined
INSERT INTO "TeamMember" ("tenancyId", "projectUserId", "teamId")
SELECT $1, u."projectUserId", t."teamId"
FROM (SELECT "projectUserId" FROM "ProjectUser" WHERE "tenancyId" = $1 AND "projectUserId" >= $2 ORDER BY "projectUserId" LIMIT 1) AS u,
     (SELECT "teamId" FROM "Team" WHERE "tenancyId" = $1 AND "teamId" >= $3 ORDER BY "teamId" LIMIT 1) AS t
ON CONFLICT DO NOTHING;

--; 4 team left
DELETE FROM "TeamMember"
WHERE ("tenancyId", "projectUserId", "teamId") = (
    SELECT "tenancyId", "projectUserId", "teamId" FROM "TeamMember"
    WHERE "tenancyId" = $1 AND "projectUserId" >= $2 ORDER BY "projectUserId", "teamId" LIMIT 1);

--; 3 team renamed
UPDATE "Team"
SET "displayName" = pg_temp.team_name($4, 0), "updatedAt" = now()
WHERE "tenancyId" = $1
  AND "teamId" = (SELECT "teamId" FROM "Team" WHERE "tenancyId" = $1 AND "teamId" >= $2 ORDER BY "teamId" LIMIT 1);

--; 2 team founded
INSERT INTO "Team" ("tenancyId", "teamId", "mirroredProjectId", "mirroredBranchId", "displayName")
SELECT id, $3, "projectId", "branchId", pg_temp.team_name($4, 0)
FROM "Tenancy"
WHERE id = $1;

--; 1 team dissolved
-- with its memberships; not the one that the probes write to
DELETE FROM "Team"
WHERE "tenancyId" = $1
  AND "teamId" = (
    SELECT "teamId" FROM "Team" WHERE "tenancyId" = $1 AND "teamId" >= $2 AND "teamId" <> 'ffffffff-ffff-4fff-bfff-ffffffffffff'
    ORDER BY "teamId" LIMIT 1);
