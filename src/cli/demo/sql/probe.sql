-- Lag as a customer would measure it (probes.hpp).

--; make
-- $1 tenancy, of which several destinations may be probed. Of two that do this at once one would fail at the other unique index, had the conflict an index that it names.
INSERT INTO "Team" ("tenancyId", "teamId", "mirroredProjectId", "mirroredBranchId", "displayName")
SELECT id, 'ffffffff-ffff-4fff-bfff-ffffffffffff', "projectId", "branchId", 'Probe'
FROM "Tenancy"
WHERE id = $1
ON CONFLICT DO NOTHING;

--; write
-- $1 tenancy, $2 the number
UPDATE "Team"
SET "serverMetadata" = jsonb_build_object('probe', $2), "updatedAt" = now()
WHERE "tenancyId" = $1 AND "teamId" = 'ffffffff-ffff-4fff-bfff-ffffffffffff';

--; look
SELECT
FROM public.teams
WHERE id = 'ffffffff-ffff-4fff-bfff-ffffffffffff' AND (server_metadata ->> 'probe')::bigint >= $1;
