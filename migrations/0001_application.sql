-- The application's own tables, for an installation that starts from nothing. A database that has them is attached as it is:
-- no step touches a table that exists. Timestamps hold UTC.

--; boolean true enum
DO $$
BEGIN
  IF to_regtype('"BooleanTrue"') IS NULL THEN
    CREATE TYPE "BooleanTrue" AS ENUM ('TRUE');
  END IF;
END
$$;

--; contact channel type enum
DO $$
BEGIN
  IF to_regtype('"ContactChannelType"') IS NULL THEN
    CREATE TYPE "ContactChannelType" AS ENUM ('EMAIL');
  END IF;
END
$$;

--; project
CREATE TABLE IF NOT EXISTS "Project" (
  id text PRIMARY KEY,
  "displayName" text NOT NULL DEFAULT '',
  description text NOT NULL DEFAULT '',
  "configOverride" jsonb NOT NULL DEFAULT '{}',
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);

--; project config column
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = '"Project"'::regclass AND attname = 'configOverride' AND NOT attisdropped) THEN
    ALTER TABLE "Project" ADD COLUMN "configOverride" jsonb NOT NULL DEFAULT '{}';
  END IF;
END
$$;

--; tenancy
CREATE TABLE IF NOT EXISTS "Tenancy" (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  "projectId" text NOT NULL REFERENCES "Project" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "branchId" text NOT NULL DEFAULT 'main',
  "organizationId" uuid,
  "hasNoOrganization" "BooleanTrue",
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  UNIQUE ("projectId", "branchId", "organizationId"),
  UNIQUE ("projectId", "branchId", "hasNoOrganization")
);

--; project user
CREATE TABLE IF NOT EXISTS "ProjectUser" (
  "tenancyId" uuid NOT NULL REFERENCES "Tenancy" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "projectUserId" uuid NOT NULL,
  "mirroredProjectId" text NOT NULL,
  "mirroredBranchId" text NOT NULL DEFAULT 'main',
  "displayName" text,
  "profileImageUrl" text,
  "clientMetadata" jsonb,
  "clientReadOnlyMetadata" jsonb,
  "serverMetadata" jsonb,
  "isAnonymous" boolean NOT NULL DEFAULT false,
  "restrictedByAdmin" boolean NOT NULL DEFAULT false,
  "restrictedByAdminReason" text,
  "restrictedByAdminPrivateDetails" text,
  "signUpRiskScoreBot" smallint NOT NULL DEFAULT 0,
  "signUpRiskScoreFreeTrialAbuse" smallint NOT NULL DEFAULT 0,
  "lastActiveAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "signedUpAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY ("tenancyId", "projectUserId"),
  UNIQUE ("mirroredProjectId", "mirroredBranchId", "projectUserId")
);

--; contact channel
CREATE TABLE IF NOT EXISTS "ContactChannel" (
  "tenancyId" uuid NOT NULL,
  "projectUserId" uuid NOT NULL,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  type "ContactChannelType" NOT NULL DEFAULT 'EMAIL',
  "isPrimary" "BooleanTrue",
  "usedForAuth" "BooleanTrue",
  "isVerified" boolean NOT NULL DEFAULT false,
  value text NOT NULL,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY ("tenancyId", "projectUserId", id),
  FOREIGN KEY ("tenancyId", "projectUserId") REFERENCES "ProjectUser" ON UPDATE CASCADE ON DELETE CASCADE,
  UNIQUE ("tenancyId", type, value, "usedForAuth"),
  UNIQUE ("tenancyId", "projectUserId", type, "isPrimary"),  -- younger than the above: see source/capture.cpp
  UNIQUE ("tenancyId", "projectUserId", type, value)
);

--; team
CREATE TABLE IF NOT EXISTS "Team" (
  "tenancyId" uuid NOT NULL REFERENCES "Tenancy" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "teamId" uuid NOT NULL,
  "mirroredProjectId" text NOT NULL,
  "mirroredBranchId" text NOT NULL DEFAULT 'main',
  "displayName" text NOT NULL,
  "profileImageUrl" text,
  "clientMetadata" jsonb,
  "clientReadOnlyMetadata" jsonb,
  "serverMetadata" jsonb,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY ("tenancyId", "teamId"),
  UNIQUE ("mirroredProjectId", "mirroredBranchId", "teamId")
);

--; team member
CREATE TABLE IF NOT EXISTS "TeamMember" (
  "tenancyId" uuid NOT NULL,
  "projectUserId" uuid NOT NULL,
  "teamId" uuid NOT NULL,
  "displayName" text,
  "profileImageUrl" text,
  "isSelected" "BooleanTrue",
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY ("tenancyId", "projectUserId", "teamId"),
  FOREIGN KEY ("tenancyId", "projectUserId") REFERENCES "ProjectUser" ON UPDATE CASCADE ON DELETE CASCADE,
  FOREIGN KEY ("tenancyId", "teamId") REFERENCES "Team" ON UPDATE CASCADE ON DELETE CASCADE,
  UNIQUE ("tenancyId", "projectUserId", "isSelected")
);

--; team member by team index concurrently
-- The cascade from "Team" finds its members by this.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "TeamMember_teamId_tenancyId_idx"
  ON "TeamMember" ("teamId", "tenancyId");
