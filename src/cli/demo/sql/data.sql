-- The demo's tenants and their people. The same seed makes the same data: every "random" value is a hash of a row's number.
-- Parameters: $1 tenancy, $2 project, $3 users of this tenant, $4 the tenant's seed (a hundred apart, as $4 + n salts a value).

--; functions
-- In each session of the demo that writes.
CREATE FUNCTION pg_temp.pick(n bigint, salt bigint, choices integer)
RETURNS integer
LANGUAGE sql IMMUTABLE
RETURN ((hashint8extended(n, salt) & 2147483647) % choices)::integer;

CREATE FUNCTION pg_temp.entity(tenancy uuid, kind text, n bigint)
RETURNS uuid
LANGUAGE sql IMMUTABLE
RETURN md5(tenancy::text || kind || n)::uuid;

CREATE FUNCTION pg_temp.is_anonymous(n bigint, seed bigint)
RETURNS boolean
LANGUAGE sql IMMUTABLE
RETURN pg_temp.pick(n, seed + 1, 100) < 3;

CREATE FUNCTION pg_temp.first_name(n bigint, seed bigint)
RETURNS text
LANGUAGE sql IMMUTABLE
RETURN ('{Ada,Alan,Amélie,Anders,Ayşe,Barbara,Björn,Chen,Chidi,Claude,Dana,Donald,Edsger,Elif,Emma,Farid,Fatima,Frances,Gerd,Grace,Hana,Hedy,Ines,'
        'Ivan,Jean,Joan,José,Kenji,Kwame,Lars,Leslie,Lin,Ludmila,Łukasz,Mary,Mei,Michael,Miguel,Mona,Nadia,Niklaus,Noor,Olga,Omar,Priya,Radia,Ravi,'
        'Rosa,Sakura,Sofia,Søren,Tariq,Tony,Uma,Vera,Viktor,Wei,Xenia,Yara,Yusuf,Zoë,Zuzana,Ángel,Émile}'::text[])
       [1 + pg_temp.pick(n, seed + 2, 64)];

CREATE FUNCTION pg_temp.last_name(n bigint, seed bigint)
RETURNS text
LANGUAGE sql IMMUTABLE
RETURN ('{Adeyemi,Allen,Bauer,Berg,Borg,Castro,Codd,Costa,Dahl,Demir,Dijkstra,Dubois,Engelbart,Eriksen,Fischer,Fujita,García,Gray,Haddad,Hamilton,'
        'Hansen,Hopper,Ito,Ivanova,Jensen,Johnson,Kaya,Khan,Kim,Knuth,Kowalski,Lamport,Li,Liskov,López,Lovelace,Mensah,Meyer,Moreau,Müller,Nakamura,'
        'Nguyen,Novák,O''Brien,Okafor,Patel,Perlman,Petrov,Ritchie,Rossi,Sato,Schmidt,Silva,Singh,Stonebraker,Suzuki,Tanaka,Thompson,Turing,Wagner,'
        'Wang,Wirth,Yılmaz,Zhang}'::text[])
       [1 + pg_temp.pick(n, seed + 3, 64)];

CREATE FUNCTION pg_temp.email(n bigint, seed bigint)
RETURNS text
LANGUAGE sql IMMUTABLE
RETURN translate(lower(pg_temp.first_name(n, seed) || '.' || pg_temp.last_name(n, seed)), 'éèëöüäøåñçíáóşğıłý''', 'eeeouaoanciaosgily')
       || n || '@' || ('{mail.example,post.example,example.com,example.org,example.net}'::text[])[1 + pg_temp.pick(n, seed + 4, 5)];

CREATE FUNCTION pg_temp.team_name(n bigint, seed bigint)
RETURNS text
LANGUAGE sql IMMUTABLE
RETURN ('{Amber,Blue,Brave,Bright,Calm,Copper,Coral,Dawn,Electric,Field,Golden,Green,Hidden,Iron,Lunar,Night,Northern,Ocean,Polar,Quiet,Red,River,'
        'Silver,Solar,Stone,Summer,Swift,Velvet,Western,Wild,Winter,Wooden}'::text[])[1 + pg_temp.pick(n, seed + 5, 32)] || ' '
       || ('{Badgers,Bakery,Clinic,Design,Engineering,Falcons,Finance,Foxes,Herons,Kitchen,Labs,Library,Logistics,Marketing,Moose,Office,Operations,'
           'Otters,Owls,Platform,Press,Ravens,Research,Sales,School,Security,Studio,Support,Warehouse,Whales,Wolves,Workshop}'::text[])
          [1 + pg_temp.pick(n, seed + 6, 32)];

--; tenant
-- $3 and $4: names and connection strings of its databases.
WITH project AS (
  INSERT INTO "Project" (id, "displayName", description, "configOverride")
  SELECT $2, initcap(replace($2, '-', ' ')), 'A tenant of the demo',
         jsonb_build_object('dbSync.externalDatabases', jsonb_object_agg(d.name, jsonb_build_object('type', 'postgres', 'connectionString', d.uri)))
  FROM unnest($3::text[], $4::text[]) AS d (name, uri)
  RETURNING id
)
INSERT INTO "Tenancy" (id, "projectId", "branchId", "hasNoOrganization")
SELECT $1, id, 'main', 'TRUE'
FROM project;

--; users
INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId", "mirroredBranchId", "displayName", "profileImageUrl", "clientMetadata",
                           "clientReadOnlyMetadata", "serverMetadata", "isAnonymous", "signedUpAt", "createdAt", "lastActiveAt")
SELECT $1, pg_temp.entity($1, 'user', n), $2, 'main',
       CASE WHEN NOT pg_temp.is_anonymous(n, $4) AND pg_temp.pick(n, $4 + 10, 20) > 0
            THEN pg_temp.first_name(n, $4) || ' ' || pg_temp.last_name(n, $4) END,
       CASE WHEN pg_temp.pick(n, $4 + 11, 5) < 3 THEN 'https://pictures.example/' || md5(n::text) || '.jpg' END,
       CASE WHEN pg_temp.pick(n, $4 + 12, 4) > 0
            THEN jsonb_build_object('locale', ('{de,en,en,en,es,fr,ja,pt}'::text[])[1 + pg_temp.pick(n, $4 + 13, 8)],
                                    'onboarded', pg_temp.pick(n, $4 + 14, 5) > 0) END,
       CASE WHEN pg_temp.pick(n, $4 + 15, 3) = 0 THEN jsonb_build_object('plan', ('{free,pro,team}'::text[])[1 + pg_temp.pick(n, $4 + 16, 3)]) END,
       CASE WHEN pg_temp.pick(n, $4 + 17, 2) = 0 THEN jsonb_build_object('customer', 'cus_' || n, 'credits', pg_temp.pick(n, $4 + 18, 500)) END,
       pg_temp.is_anonymous(n, $4),
       signed_up, signed_up, signed_up + interval '1 day' * pg_temp.pick(n, $4 + 19, 90)
FROM generate_series(1, $3::bigint) AS n,
     -- three years, of late more than before
     LATERAL (SELECT timestamp '2026-01-01' - interval '1 second' * (94608000 * power(pg_temp.pick(n, $4 + 20, 1000000) / 1e6, 2))) AS s (signed_up)
ORDER BY 2;  -- as the indexes do: much faster

--; contact channels
INSERT INTO "ContactChannel" ("tenancyId", "projectUserId", id, type, "isPrimary", "usedForAuth", "isVerified", value, "createdAt")
SELECT $1, pg_temp.entity($1, 'user', n), pg_temp.entity($1, 'channel ' || which || ' ', n), 'EMAIL',
       CASE WHEN which = 1 THEN 'TRUE'::"BooleanTrue" END,
       CASE WHEN which = 1 AND pg_temp.pick(n, $4 + 30, 10) > 0 THEN 'TRUE'::"BooleanTrue" END,
       pg_temp.pick(n, $4 + 31, 100) < 100 - 30 * which,
       CASE WHEN which = 1 THEN pg_temp.email(n, $4) ELSE 'private.' || pg_temp.email(n, $4) END,
       timestamp '2026-01-01' - interval '1 hour' * pg_temp.pick(n, $4 + 32, 20000)
FROM generate_series(1, $3::bigint) AS n,
     generate_series(1, CASE WHEN pg_temp.pick(n, $4 + 33, 100) < 15 THEN 2 ELSE 1 END) AS which
WHERE NOT pg_temp.is_anonymous(n, $4)
ORDER BY 2;

--; teams
-- One for every eight users.
INSERT INTO "Team" ("tenancyId", "teamId", "mirroredProjectId", "mirroredBranchId", "displayName", "profileImageUrl", "clientMetadata", "createdAt")
SELECT $1, pg_temp.entity($1, 'team', n), $2, 'main',
       pg_temp.team_name(n, $4),
       CASE WHEN pg_temp.pick(n, $4 + 40, 2) = 0 THEN 'https://pictures.example/teams/' || n || '.png' END,
       CASE WHEN pg_temp.pick(n, $4 + 41, 2) = 0 THEN jsonb_build_object('size', pg_temp.pick(n, $4 + 42, 100)) END,
       timestamp '2026-01-01' - interval '1 hour' * pg_temp.pick(n, $4 + 43, 20000)
FROM generate_series(1, 1 + $3::bigint / 8) AS n
ORDER BY 2;

--; team members
-- Seven of ten users are in a team, a few of them in two; teams with low numbers are the larger ones.
INSERT INTO "TeamMember" ("tenancyId", "projectUserId", "teamId", "displayName", "isSelected", "createdAt")
SELECT $1, pg_temp.entity($1, 'user', n), pg_temp.entity($1, 'team', 1 + (first_team + which - 1) % teams),
       CASE WHEN pg_temp.pick(n, $4 + 50 + which, 10) = 0 THEN pg_temp.first_name(n, $4) END,
       CASE WHEN which = 1 THEN 'TRUE'::"BooleanTrue" END,
       timestamp '2026-01-01' - interval '1 hour' * pg_temp.pick(n, $4 + 53, 10000)
FROM generate_series(1, $3::bigint) AS n,
     LATERAL (SELECT 1 + $3::bigint / 8, pg_temp.pick(n, $4 + 54, 100)) AS t (teams, luck),
     LATERAL (SELECT floor(teams * power(pg_temp.pick(n, $4 + 55, 1000000) / 1e6, 2))::bigint) AS f (first_team),
     generate_series(1, CASE WHEN luck < 15 AND teams > 1 THEN 2 WHEN luck < 70 THEN 1 ELSE 0 END) AS which
WHERE NOT pg_temp.is_anonymous(n, $4)
ORDER BY 2;
