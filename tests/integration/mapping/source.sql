-- The part of the source schema that generated SQL touches.
CREATE TYPE "BooleanTrue" AS ENUM ('TRUE');
CREATE TYPE "ContactChannelType" AS ENUM ('EMAIL');

CREATE TABLE "ProjectUser" (
  "tenancyId" uuid,
  "projectUserId" uuid,
  "signedUpAt" timestamp(3) NOT NULL DEFAULT '2026-01-02 03:04:05.678',
  "displayName" text,
  "profileImageUrl" text,
  "clientMetadata" jsonb,
  "clientReadOnlyMetadata" jsonb,
  "serverMetadata" jsonb,
  "isAnonymous" boolean NOT NULL DEFAULT false,
  "restrictedByAdmin" boolean NOT NULL DEFAULT false,
  "restrictedByAdminReason" text,
  "restrictedByAdminPrivateDetails" text,
  "sequenceId" bigint,
  "shouldUpdateSequenceId" boolean NOT NULL DEFAULT false,
  PRIMARY KEY ("tenancyId", "projectUserId")
);
CREATE TABLE "ContactChannel" (
  "tenancyId" uuid,
  "projectUserId" uuid,
  id uuid,
  type "ContactChannelType" NOT NULL,
  "isPrimary" "BooleanTrue",
  "usedForAuth" "BooleanTrue",
  "isVerified" boolean NOT NULL,
  value text NOT NULL,
  "createdAt" timestamp(3) NOT NULL DEFAULT '2026-01-02 03:04:05.678',
  "sequenceId" bigint,
  "shouldUpdateSequenceId" boolean NOT NULL DEFAULT false,
  PRIMARY KEY ("tenancyId", "projectUserId", id),
  UNIQUE ("tenancyId", "projectUserId", type, "isPrimary"),
  UNIQUE ("tenancyId", "projectUserId", type, value)
);
CREATE TABLE "Team" (
  "tenancyId" uuid,
  "teamId" uuid,
  "displayName" text NOT NULL DEFAULT 'team',
  "profileImageUrl" text,
  "clientMetadata" jsonb,
  "clientReadOnlyMetadata" jsonb,
  "serverMetadata" jsonb,
  "createdAt" timestamp(3) NOT NULL DEFAULT '2026-01-02 03:04:05.678',
  "sequenceId" bigint,
  "shouldUpdateSequenceId" boolean NOT NULL DEFAULT false,
  PRIMARY KEY ("tenancyId", "teamId")
);
CREATE TABLE "TeamMember" (
  "tenancyId" uuid,
  "projectUserId" uuid,
  "teamId" uuid,
  "displayName" text,
  "profileImageUrl" text,
  "createdAt" timestamp(3) NOT NULL DEFAULT '2026-01-02 03:04:05.678',
  "sequenceId" bigint,
  "shouldUpdateSequenceId" boolean NOT NULL DEFAULT false,
  PRIMARY KEY ("tenancyId", "projectUserId", "teamId")
);
CREATE TABLE "DeletedRow" (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  "tenancyId" uuid NOT NULL,
  "tableName" text NOT NULL,
  "primaryKey" jsonb NOT NULL,
  data jsonb,
  "deletedAt" timestamp(3) NOT NULL DEFAULT now(),
  "sequenceId" bigint,
  "shouldUpdateSequenceId" boolean NOT NULL DEFAULT false
);
CREATE SCHEMA tributary;
CREATE TABLE tributary.marker (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "tenancyId" uuid NOT NULL,
  "tableName" text NOT NULL,
  "primaryKey" jsonb NOT NULL
);

CREATE INDEX marker_tenancy ON tributary.marker ("tenancyId" NULLS FIRST);
CREATE TABLE tributary.sequence_jump (jumped_to bigint PRIMARY KEY);
CREATE UNIQUE INDEX user_sequence ON "ProjectUser" ("sequenceId") WHERE "sequenceId" IS NOT NULL;
CREATE INDEX user_order ON "ProjectUser" ("tenancyId", "sequenceId");
CREATE INDEX user_flagged ON "ProjectUser" ("tenancyId" NULLS FIRST) WHERE "shouldUpdateSequenceId";
CREATE UNIQUE INDEX channel_sequence ON "ContactChannel" ("sequenceId") WHERE "sequenceId" IS NOT NULL;
CREATE INDEX channel_order ON "ContactChannel" ("tenancyId", "sequenceId");
CREATE INDEX channel_flagged ON "ContactChannel" ("tenancyId" NULLS FIRST) WHERE "shouldUpdateSequenceId";
CREATE INDEX channel_target_key ON "ContactChannel" ("tenancyId", id);
CREATE UNIQUE INDEX team_sequence ON "Team" ("sequenceId") WHERE "sequenceId" IS NOT NULL;
CREATE INDEX team_order ON "Team" ("tenancyId", "sequenceId");
CREATE INDEX team_flagged ON "Team" ("tenancyId" NULLS FIRST) WHERE "shouldUpdateSequenceId";
CREATE UNIQUE INDEX member_sequence ON "TeamMember" ("sequenceId") WHERE "sequenceId" IS NOT NULL;
CREATE INDEX member_order ON "TeamMember" ("tenancyId", "sequenceId");
CREATE INDEX member_flagged ON "TeamMember" ("tenancyId" NULLS FIRST) WHERE "shouldUpdateSequenceId";
CREATE UNIQUE INDEX deleted_sequence ON "DeletedRow" ("sequenceId") WHERE "sequenceId" IS NOT NULL;
CREATE INDEX deleted_order ON "DeletedRow" ("tenancyId", "tableName", "sequenceId");
CREATE INDEX deleted_flagged ON "DeletedRow" ("tenancyId" NULLS FIRST) WHERE "shouldUpdateSequenceId";

-- The tests say what the planner knows.
ALTER TABLE "ProjectUser" SET (autovacuum_enabled = off);
ALTER TABLE "ContactChannel" SET (autovacuum_enabled = off);
ALTER TABLE "Team" SET (autovacuum_enabled = off);
ALTER TABLE "TeamMember" SET (autovacuum_enabled = off);
ALTER TABLE "DeletedRow" SET (autovacuum_enabled = off);

-- No tenancy has taken the place of another here.
CREATE FUNCTION tributary.successor(uuid) RETURNS uuid LANGUAGE plpgsql STABLE AS 'BEGIN RETURN NULL; END';
