-- $1 tenancy, $2 how many. A row is about 270 bytes in binary COPY.
INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId", "displayName", "profileImageUrl", "clientMetadata",
                           "clientReadOnlyMetadata", "serverMetadata")
SELECT $1::uuid,
       md5($1 || ' user ' || n)::uuid,
       $1,
       'User number ' || n,
       'https://pictures.example/' || md5(n::text) || '.jpg',
       jsonb_build_object('locale', 'en', 'visits', n % 1000),
       jsonb_build_object('plan', 'free'),
       jsonb_build_object('customer', 'cus_' || n, 'credits', n % 500)
FROM generate_series(1, $2::bigint) AS n
