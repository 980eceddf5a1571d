-- :tenancies tenancies with a user each, and last one more, with as many users.
WITH project AS (
  INSERT INTO "Project" (id) SELECT 'project-' || n FROM generate_series(1, :tenancies + 1) AS n RETURNING id
), tenancy AS (
  INSERT INTO "Tenancy" (id, "projectId", "hasNoOrganization") SELECT gen_random_uuid(), id, 'TRUE' FROM project
  RETURNING id, "projectId"
)
INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId", "displayName")
SELECT tenancy.id, gen_random_uuid(), "projectId", 'User number ' || n
FROM tenancy, generate_series(1, CASE "projectId" WHEN 'project-' || :tenancies + 1 THEN :tenancies ELSE 1 END) AS n
