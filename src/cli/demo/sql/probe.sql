-- Lag as a customer would measure it (probes.hpp).

--; write
-- $1 tenancy, $2 the number
INSERT INTO "Team" ("tenancyId", "teamId", "mirroredProjectId", "mirroredBranchId", "displayName", "serverMetadata")
SELECT id, 'ffffffff-ffff-4fff-bfff-ffffffffffff', "projectId", "branchId", 'Probe', jsonb_build_object('probe', $2)
FROM "Tenancy"
WHERE id = $1
ON CONFLICT ("tenancyId", "teamId") DO UPDATE
SET "serverMetadata" = EXCLUDED."serverMetadata", "updatedAt" = now();

--; look
SELECT
FROM public.teams
WHERE id = 'ffffffff-ffff-4fff-bfff-ffffffffffff' AND (server_metadata ->> 'probe')::bigint >= $1;
