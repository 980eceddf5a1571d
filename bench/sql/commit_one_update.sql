-- The least that a transaction can do to a user: what capture adds weighs most here. :tenancies: an array of :tenancy_count ids, with :user_count users each.
\set tenancy random(1, :tenancy_count)
\set user random(1, :user_count)
UPDATE "ProjectUser"
SET "displayName" = 'name ' || :user
WHERE "tenancyId" = (:tenancies)[:tenancy]
  AND "projectUserId" = md5((:tenancies)[:tenancy]::text || ' user ' || :user)::uuid;
