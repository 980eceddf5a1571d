-- Sequencing as one would write it at first: run in a loop until it touches no row. It knows one table, no shard, no queue, and keeps none of
-- the invariants.
WITH batch AS (
  SELECT "tenancyId", "projectUserId"
  FROM "ProjectUser"
  WHERE "shouldUpdateSequenceId"
  ORDER BY "tenancyId"
  LIMIT 1000
  FOR UPDATE SKIP LOCKED
)
UPDATE "ProjectUser" AS u
SET "sequenceId" = nextval('global_seq_id'), "shouldUpdateSequenceId" = false
FROM batch
WHERE u."tenancyId" = batch."tenancyId" AND u."projectUserId" = batch."projectUserId"
