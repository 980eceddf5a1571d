-- What an earlier run left (`demo --keep`).

--; tenants
SELECT t.id,
       t."projectId",
       (SELECT count(*) FROM "ProjectUser" AS u WHERE u."tenancyId" = t.id),
       ARRAY(SELECT jsonb_object_keys(tributary.destinations(t."projectId", t."branchId")) ORDER BY 1)
FROM "Tenancy" AS t
WHERE t."hasNoOrganization" = 'TRUE'
ORDER BY 3 DESC, t.id;

--; addresses
-- $1 project, $2 names, and $3 connection strings of its databases.
UPDATE "Project"
SET "configOverride" = "configOverride" || (
      SELECT jsonb_build_object('dbSync.externalDatabases', jsonb_object_agg(d.name, jsonb_build_object('type', 'postgres', 'connectionString', d.uri)))
      FROM unnest($2::text[], $3::text[]) AS d (name, uri))
WHERE id = $1;
