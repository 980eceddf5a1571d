-- What an identity platform commits, each a transaction: of ten, five sign-ins or changes of a profile, which read before they write, three sign-ups,
-- somebody who joins a team, and one who leaves it. Parameters as in commit_one_update.sql; each tenancy has a team of the same id.
\set tenancy random(1, :tenancy_count)
\set user random(1, :user_count)
\set new random(1, 1000000000000000)
\set kind random(1, 10)
BEGIN;
\if :kind <= 5
SELECT * FROM "ProjectUser"
WHERE "tenancyId" = (:tenancies)[:tenancy] AND "projectUserId" = md5((:tenancies)[:tenancy]::text || ' user ' || :user)::uuid;
UPDATE "ProjectUser"
SET "displayName" = 'name ' || :user, "lastActiveAt" = CURRENT_TIMESTAMP, "updatedAt" = CURRENT_TIMESTAMP
WHERE "tenancyId" = (:tenancies)[:tenancy] AND "projectUserId" = md5((:tenancies)[:tenancy]::text || ' user ' || :user)::uuid;
\elif :kind <= 8
INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId", "displayName")
VALUES ((:tenancies)[:tenancy], md5('new ' || :new)::uuid, 'project', 'name ' || :new);
INSERT INTO "ContactChannel" ("tenancyId", "projectUserId", "isPrimary", "usedForAuth", value)
VALUES ((:tenancies)[:tenancy], md5('new ' || :new)::uuid, 'TRUE', 'TRUE', :new || '@mail.example');
\elif :kind = 9
INSERT INTO "TeamMember" ("tenancyId", "projectUserId", "teamId")
SELECT "tenancyId", "projectUserId", "tenancyId"
FROM "ProjectUser"
WHERE "tenancyId" = (:tenancies)[:tenancy] AND "projectUserId" = md5((:tenancies)[:tenancy]::text || ' user ' || :user)::uuid
ON CONFLICT DO NOTHING;
\else
DELETE FROM "TeamMember"
WHERE "tenancyId" = (:tenancies)[:tenancy] AND "projectUserId" = md5((:tenancies)[:tenancy]::text || ' user ' || :user)::uuid;
\endif
COMMIT;
