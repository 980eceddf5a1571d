-- Indexes for the lists of the REST API that name no user and no team. Every step can run again, and no table is locked for writes.

-- Without them every page costs all rows of the tenancy, read and sorted: 2,300 to 3,900 blocks where it has 100,000 rows of 200,000. With them a page of 100 costs
-- 7 to 104. Each costs an insert one entry more, and updates nothing, as "createdAt" stays.
-- Partial, though the condition always holds, for the reason that 0009_directory.sql gives.

--; teams in the order in which they were created index concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS "Team_tributary_created_at"
  ON "Team" ("tenancyId", "createdAt", "teamId")
  WHERE "createdAt" IS NOT NULL;

--; team members in the order in which they joined index concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS "TeamMember_tributary_created_at"
  ON "TeamMember" ("tenancyId", "createdAt", "teamId", "projectUserId")
  WHERE "createdAt" IS NOT NULL;

--; contact channels in the order in which they were created index concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS "ContactChannel_tributary_created_at"
  ON "ContactChannel" ("tenancyId", "createdAt", id)
  WHERE "createdAt" IS NOT NULL;
