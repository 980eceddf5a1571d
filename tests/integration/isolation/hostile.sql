-- What a tenant may try. Read by queries.cpp: a query is a name, what is expected ("refused", or "own rows" and perhaps the answer itself), the URL's
-- parameters, and then its text, up to the next name. With "escapes", \xNN in the text is that byte.
-- Rows of others hold "plain" in one run and "hidden" in the other.

-- ---- other projects' rows by plain SELECTs -----------------------------------------------------------------------------------------

-- name: everything there is
-- expect: own rows
-- answer: 5
SELECT count() FROM users

-- name: another project by name
-- expect: own rows
-- answer: 0
SELECT count() FROM users WHERE project_id = 'alpha'

-- name: another branch by name
-- expect: own rows
-- answer: 0
SELECT count() FROM users WHERE branch_id = 'dev'

-- name: a condition that is always true
-- expect: own rows
-- answer: 5
SELECT count() FROM users WHERE project_id = 'alpha' OR 1 = 1

-- name: all values of the tenant's columns
-- expect: own rows
-- answer: mine	main
SELECT DISTINCT project_id, branch_id FROM users

-- name: a key that another project has too
-- expect: own rows
-- answer: mine0@example.com
SELECT primary_email FROM users WHERE id = '00000000-0000-4000-8000-000000000000'

-- name: the whole table
-- expect: own rows
SELECT * FROM users ORDER BY id FORMAT JSONEachRow

-- name: union with the other's rows
-- expect: own rows
SELECT primary_email FROM users UNION ALL SELECT primary_email FROM users WHERE project_id != 'mine' ORDER BY primary_email

-- name: union distinct over a condition on the other
-- expect: own rows
SELECT * FROM (SELECT primary_email FROM users UNION DISTINCT SELECT value FROM contact_channels WHERE project_id = 'zeta') ORDER BY 1

-- name: except turns the condition round
-- expect: own rows
SELECT * FROM (SELECT primary_email FROM users EXCEPT SELECT primary_email FROM users WHERE project_id = 'mine') ORDER BY 1

-- name: intersect with the other's key
-- expect: own rows
SELECT count() FROM (SELECT id FROM users INTERSECT SELECT id FROM users WHERE project_id = 'alpha')

-- name: a common table expression
-- expect: own rows
-- answer: 5
WITH everybody AS (SELECT * FROM users) SELECT count() FROM everybody

-- name: a recursive common table expression
-- expect: own rows
WITH RECURSIVE up AS (SELECT 1 AS n, (SELECT count() FROM users) AS c UNION ALL SELECT n + 1, c FROM up WHERE n < 5) SELECT n, c FROM up ORDER BY n

-- name: a recursive expression without an end
-- expect: refused
-- url: max_execution_time=100
WITH RECURSIVE up AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM up) SELECT count() FROM up

-- name: a common table expression named like a view
-- expect: own rows
WITH users AS (SELECT * FROM teams) SELECT count() FROM users

-- name: a scalar subquery
-- expect: own rows
-- answer: mine0@example.com
SELECT (SELECT min(primary_email) FROM users)

-- name: a correlated subquery
-- expect: own rows
SELECT u.id FROM users AS u WHERE EXISTS (SELECT 1 FROM contact_channels AS c WHERE c.user_id = u.id AND c.project_id != u.project_id) ORDER BY u.id

-- name: a subquery in IN
-- expect: own rows
-- answer: 5
SELECT count() FROM users WHERE id IN (SELECT user_id FROM contact_channels)

-- name: a join on everything
-- expect: own rows
-- answer: 25
SELECT count() FROM users AS a CROSS JOIN users AS b

-- name: a join across projects
-- expect: own rows
SELECT a.id, b.project_id FROM users AS a LEFT JOIN users AS b ON a.id = b.id AND a.project_id != b.project_id ORDER BY a.id

-- name: a full join
-- expect: own rows
SELECT count() FROM users AS a FULL JOIN contact_channels AS b ON a.id = b.user_id AND b.project_id = 'alpha'

-- name: an asof join
-- expect: own rows
SELECT count() FROM users AS a ASOF JOIN users AS b ON a.branch_id = b.branch_id AND a.signed_up_at >= b.signed_up_at

-- name: a join using the database's name
-- expect: own rows
-- answer: 5
SELECT count() FROM default.users AS a JOIN default.contact_channels AS c ON c.user_id = a.id

-- name: group by rollup
-- expect: own rows
SELECT project_id, count() FROM users GROUP BY project_id WITH ROLLUP ORDER BY 1

-- name: group by grouping sets
-- expect: own rows
SELECT project_id, branch_id, count() FROM users GROUP BY GROUPING SETS ((project_id), (branch_id), ()) ORDER BY 1, 2

-- name: totals
-- expect: own rows
SELECT branch_id, count() FROM users GROUP BY branch_id WITH TOTALS ORDER BY 1 FORMAT JSON

-- name: extremes
-- expect: own rows
-- url: extremes=1
SELECT primary_email FROM users ORDER BY id FORMAT JSON

-- name: a window over everything
-- expect: own rows
SELECT id, count() OVER (), lagInFrame(project_id) OVER (ORDER BY id) FROM users ORDER BY id

-- name: the first row of all
-- expect: own rows
SELECT project_id FROM users ORDER BY project_id, branch_id, id LIMIT 1

-- name: the last row of all
-- expect: own rows
SELECT project_id FROM users ORDER BY project_id DESC, branch_id DESC, id DESC LIMIT 1

-- name: rows before the limit
-- expect: own rows
SELECT id FROM users ORDER BY id LIMIT 2 FORMAT JSON

-- name: an offset beyond one's own rows
-- expect: own rows
SELECT id FROM users ORDER BY id LIMIT 100 OFFSET 5

-- name: limit by
-- expect: own rows
SELECT project_id FROM users ORDER BY id LIMIT 1 BY project_id

-- name: order by with fill
-- expect: own rows
SELECT toUInt8(length(primary_email)) AS n FROM users ORDER BY n WITH FILL FROM 1 TO 30

-- name: aggregates that keep values
-- expect: own rows
SELECT groupUniqArray(project_id), topK(3)(branch_id), argMax(primary_email, signed_up_at), anyLast(project_id) FROM users

-- name: states of aggregates
-- expect: own rows
SELECT hex(groupArrayState(primary_email)) FROM (SELECT primary_email FROM users ORDER BY id)

-- name: statistics of many kinds
-- expect: own rows
SELECT uniqExact(id), uniq(id), entropy(project_id), quantiles(0.1, 0.9)(length(primary_email)) FROM users

-- name: all columns by a pattern
-- expect: own rows
SELECT COLUMNS('.*') FROM teams ORDER BY id FORMAT TSVWithNamesAndTypes

-- name: columns that views leave out
-- expect: refused
SELECT sync_sequence_id FROM users

-- name: columns of a table behind a view
-- expect: refused
SELECT users.sync_is_deleted FROM users

-- name: virtual columns
-- expect: refused
SELECT _part, _part_offset, _partition_id FROM users

-- name: where a row was stored
-- expect: refused
SELECT _table, _database FROM users

-- name: the deleted row
-- expect: own rows
-- answer: 0
SELECT count() FROM users WHERE display_name LIKE '%deleted%'

-- name: the replaced row
-- expect: own rows
-- answer: 0
SELECT count() FROM users WHERE display_name LIKE '%old%'

-- name: final on a view
-- expect: own rows
-- answer: 5
SELECT count() FROM users FINAL

-- name: a sample of a view
-- expect: own rows
SELECT count() FROM users SAMPLE 1 / 2

-- name: prewhere on a view
-- expect: refused
SELECT count() FROM users PREWHERE project_id != ''

-- name: the primary key's neighbours
-- expect: own rows
-- answer: 5
SELECT count() FROM users WHERE (project_id, branch_id, id) > ('a', '', '00000000-0000-0000-0000-000000000000') AND (project_id, branch_id) < ('zz', 'z')

-- name: profiles of everybody
-- expect: own rows
-- answer: 5
SELECT count() FROM team_member_profiles

-- name: profiles of another project by name
-- expect: own rows
-- answer: 0
SELECT count() FROM team_member_profiles WHERE project_id = 'alpha' OR branch_id = 'dev'

-- name: all profiles
-- expect: own rows
SELECT * FROM team_member_profiles ORDER BY team_id, user_id FORMAT JSONEachRow

-- name: a profile that another project has too
-- expect: own rows
-- answer: mine0@example.com
SELECT display_name FROM team_member_profiles WHERE team_id = '00000000-0000-4000-8000-000000000000'

-- name: profiles of one's own users across projects
-- expect: own rows
-- answer: 0
SELECT count() FROM users AS u JOIN team_member_profiles AS p ON u.id = p.user_id WHERE u.project_id != p.project_id

-- name: pictures in one
-- expect: own rows
SELECT * FROM (SELECT profile_image_url FROM team_member_profiles UNION DISTINCT SELECT display_name FROM teams WHERE project_id != 'mine') ORDER BY 1

-- ---- oracles: is an expression ever evaluated on another's row? --------------------------------------------------------------------

-- name: throwIf in where
-- expect: own rows
-- answer: 5
SELECT count() FROM users WHERE throwIf(primary_email LIKE '%hidden%') = 0

-- name: throwIf on the tenant
-- expect: own rows
-- answer: 5
SELECT count() FROM users WHERE throwIf(project_id != 'mine' OR branch_id != 'main') = 0

-- name: throwIf on a dictionary
-- expect: own rows
-- answer: 5
SELECT count() FROM contact_channels WHERE throwIf(type LIKE '%HIDDEN%') = 0

-- name: throwIf on a dictionary in the select list
-- expect: own rows
SELECT throwIf(type LIKE '%HIDDEN%') FROM contact_channels ORDER BY id

-- name: throwIf on a dictionary as a key
-- expect: own rows
SELECT type, throwIf(type LIKE '%HIDDEN%'), count() FROM contact_channels GROUP BY type

-- name: throwIf on a dictionary that is made anew
-- expect: own rows
SELECT throwIf(toLowCardinality(type) LIKE '%HIDDEN%') FROM contact_channels ORDER BY id

-- name: a conversion of a dictionary
-- expect: own rows
SELECT CAST(type AS Enum8('EMAIL' = 1, 'PHONE' = 2)) FROM contact_channels ORDER BY id

-- name: throwIf on profiles
-- expect: own rows
-- answer: 5
SELECT count() FROM team_member_profiles WHERE throwIf(display_name LIKE '%hidden%' OR profile_image_url LIKE '%hidden%') = 0

-- name: memory by a profile
-- expect: own rows
-- answer: 5
SELECT count() FROM team_member_profiles WHERE length(range(if(display_name LIKE '%hidden%', 100000000000, 1))) = 1

-- name: a type error that shows a profile
-- expect: refused
SELECT toUInt64(assumeNotNull(profile_image_url)) FROM team_member_profiles

-- name: throwIf in the select list
-- expect: own rows
SELECT throwIf(primary_email LIKE '%hidden%') FROM users ORDER BY id

-- name: throwIf in having
-- expect: own rows
SELECT count() FROM (SELECT primary_email AS e FROM users GROUP BY e HAVING throwIf(e LIKE '%hidden%') = 0)

-- name: throwIf in order by
-- expect: own rows
SELECT id FROM users ORDER BY throwIf(primary_email LIKE '%hidden%'), id

-- name: throwIf in qualify
-- expect: own rows
SELECT id FROM users QUALIFY throwIf(primary_email LIKE '%hidden%') = 0 AND row_number() OVER (ORDER BY id) < 3 ORDER BY id

-- name: throwIf in join on
-- expect: own rows
SELECT count() FROM users AS u JOIN contact_channels AS c ON c.user_id = u.id AND throwIf(c.value LIKE '%hidden%') = 0 AND throwIf(u.primary_email LIKE '%hidden%') = 0

-- name: throwIf above an outer join
-- expect: own rows
SELECT count() FROM users AS u LEFT JOIN contact_channels AS c ON c.user_id = u.id WHERE throwIf(c.value LIKE '%hidden%') = 0 AND throwIf(u.primary_email LIKE '%hidden%') = 0

-- name: throwIf above a window
-- expect: own rows
SELECT count() FROM (SELECT primary_email AS e, row_number() OVER (PARTITION BY primary_email) AS r FROM users) WHERE throwIf(e LIKE '%hidden%') = 0

-- name: throwIf above a limit
-- expect: own rows
SELECT count() FROM (SELECT primary_email AS e FROM users LIMIT 3) WHERE throwIf(e LIKE '%hidden%') = 0

-- name: throwIf in an aggregate's condition
-- expect: own rows
SELECT countIf(throwIf(primary_email LIKE '%hidden%') = 0) FROM users

-- name: throwIf in array join
-- expect: own rows
SELECT count() FROM users ARRAY JOIN range(throwIf(primary_email LIKE '%hidden%') + 2) AS n

-- name: throwIf in a lambda
-- expect: own rows
SELECT count() FROM users WHERE arrayExists(x -> throwIf(primary_email LIKE '%hidden%') = 1, [1]) = 0

-- name: throwIf in exists
-- expect: own rows
SELECT count() FROM users AS u WHERE EXISTS (SELECT 1 FROM contact_channels AS c WHERE c.user_id = u.id AND throwIf(c.value LIKE '%hidden%') = 0)

-- name: throwIf beside or
-- expect: own rows
SELECT count() FROM users WHERE NOT is_anonymous OR throwIf(primary_email LIKE '%hidden%') = 0

-- name: throwIf on the default of a column that others make sparse
-- expect: own rows
-- answer: 5
SELECT count() FROM users WHERE throwIf(NOT is_anonymous) = 0

-- name: a division by the default of a column that others make sparse
-- expect: own rows
-- answer: 5
SELECT sum(intDiv(1, is_anonymous)) FROM users

-- name: throwIf with the secret as its message
-- expect: own rows
SELECT throwIf(primary_email LIKE '%hidden%', 'found') FROM users ORDER BY id

-- name: division by zero
-- expect: own rows
-- answer: 5
SELECT count() FROM users WHERE intDiv(1, primary_email NOT LIKE '%hidden%') = 1

-- name: a modulo by zero
-- expect: own rows
SELECT count() FROM users WHERE 7 % (primary_email NOT LIKE '%hidden%') = 0

-- name: a number that is none
-- expect: own rows
-- answer: 5
SELECT count() FROM users WHERE toUInt8(substring(assumeNotNull(primary_email), 5, 1)) < 10

-- name: a type error that shows a value
-- expect: refused
SELECT toUInt64(assumeNotNull(primary_email)) FROM users

-- name: a cast that shows a value
-- expect: refused
SELECT CAST(primary_email AS Enum8('nobody@example.com' = 1)) FROM users

-- name: a date that is none
-- expect: refused
SELECT toDate(assumeNotNull(display_name)) FROM users

-- name: a uuid that is none
-- expect: refused
SELECT toUUID(assumeNotNull(primary_email)) FROM users

-- name: a fixed string that is too long
-- expect: own rows
SELECT count() FROM users WHERE toFixedString(assumeNotNull(primary_email), 17) != ''

-- name: a json that is none
-- expect: own rows
SELECT count() FROM users WHERE CAST(if(primary_email LIKE '%hidden%', '{', '{}') AS JSON) IS NOT NULL

-- name: a syntax error out of a value
-- expect: own rows
SELECT count() FROM users WHERE formatQuery(if(primary_email LIKE '%hidden%', primary_email, 'SELECT 1')) != ''

-- name: memory by a value
-- expect: own rows
-- answer: 5
SELECT count() FROM users WHERE length(range(if(primary_email LIKE '%hidden%', 100000000000, 1))) = 1

-- name: time by a value
-- expect: own rows
-- url: max_execution_time=5
SELECT count() FROM users WHERE length(arrayFilter(x -> sipHash64(x) = 1, range(if(primary_email LIKE '%hidden%', 1000000000, 1)))) = 0

-- name: sleeping by a value
-- expect: refused
SELECT count() FROM users WHERE sleepEachRow(if(primary_email LIKE '%hidden%', 3, 0)) = 0

-- name: sleeping
-- expect: refused
SELECT sleep(3)

-- name: a regular expression that is none
-- expect: own rows
SELECT count() FROM users WHERE replaceRegexpAll('a', if(primary_email LIKE '%hidden%', '(', 'a'), 'b') = 'b'

-- name: the budget of rows
-- expect: own rows
-- answer: 999990005
SELECT count() FROM (SELECT number FROM numbers(999990000) UNION ALL SELECT 1 FROM users)

-- name: a bound on rows of one's own
-- expect: refused
-- url: max_rows_to_read=10
SELECT count() FROM users

-- name: a bound on bytes of one's own
-- expect: refused
-- url: max_bytes_to_read=1000
SELECT count() FROM users

-- name: what was read, in the statistics
-- expect: own rows
SELECT count() FROM users FORMAT JSON

-- name: what was read, in compact statistics
-- expect: own rows
SELECT count() FROM users FORMAT JSONCompact

-- name: what was read, in xml
-- expect: own rows
SELECT count() FROM users FORMAT XML

-- name: statistics asked for
-- expect: own rows
-- url: output_format_write_statistics=1
SELECT count() FROM users FORMAT JSON

-- name: progress in headers
-- expect: own rows
-- url: send_progress_in_http_headers=1&http_headers_progress_interval_ms=1&wait_end_of_query=1
SELECT count() FROM users AS a, numbers(1000000) AS b

-- name: progress in the answer
-- expect: refused
SELECT count() FROM users FORMAT JSONEachRowWithProgress

-- name: progress in strings
-- expect: refused
SELECT count() FROM users FORMAT JSONStringsEachRowWithProgress

-- name: progress in the terminal's format
-- expect: own rows
SELECT count() FROM users FORMAT PrettyCompactMonoBlock

-- ---- how rows lie -------------------------------------------------------------------------------------------------------------------

-- name: the size of a block
-- expect: refused
SELECT count() FROM users WHERE blockSize() > 5

-- name: the number of a block
-- expect: refused
SELECT blockNumber() FROM users

-- name: the number of a row in all blocks
-- expect: refused
SELECT rowNumberInAllBlocks() FROM users

-- name: the number of a row in its block
-- expect: refused
SELECT count() FROM users WHERE rowNumberInBlock() > 4

-- name: the bytes of a block
-- expect: refused
SELECT blockSerializedSize(type) FROM contact_channels

-- name: the neighbour
-- expect: refused
SELECT neighbor(primary_email, -1) FROM users

-- name: the difference to the row before
-- expect: refused
SELECT runningDifference(length(primary_email)) FROM users

-- name: a column's structure
-- expect: refused
SELECT dumpColumnStructure(type) FROM contact_channels

-- name: a column's kind
-- expect: refused
SELECT toColumnTypeName(is_anonymous) FROM users

-- name: the keys of a dictionary
-- expect: refused
SELECT lowCardinalityKeys(toLowCardinality(type)) FROM contact_channels

-- name: the places in a dictionary
-- expect: refused
SELECT lowCardinalityIndices(toLowCardinality(type)) FROM contact_channels

-- name: how well a column compresses
-- expect: refused
SELECT estimateCompressionRatio(type) FROM contact_channels

-- name: rows that an index lets through
-- expect: refused
SELECT count() FROM users WHERE indexHint(project_id = 'alpha')

-- name: a dictionary on the wire
-- expect: own rows
SELECT type FROM contact_channels ORDER BY id FORMAT Native

-- name: a dictionary that is made anew, on the wire
-- expect: own rows
SELECT toLowCardinality(type) AS t FROM contact_channels ORDER BY id FORMAT Native

-- name: a dictionary in arrow
-- expect: own rows
SELECT toLowCardinality(type) AS t FROM contact_channels ORDER BY id FORMAT ArrowStream

-- name: bounds of columns in parquet
-- expect: own rows
SELECT primary_email, type FROM users AS u JOIN contact_channels AS c ON c.user_id = u.id ORDER BY u.id FORMAT Parquet

-- name: the bytes of a value
-- expect: own rows
SELECT byteSize(type), byteSize(primary_email) FROM users AS u JOIN contact_channels AS c ON c.user_id = u.id ORDER BY u.id

-- name: hidden names of the engine
-- expect: refused
SELECT __getScalar('x')

-- ---- tables that are none of theirs -------------------------------------------------------------------------------------------------

-- name: the table behind the view
-- expect: refused
SELECT * FROM analytics_internal.users

-- name: the table behind the profiles
-- expect: refused
SELECT * FROM analytics_internal.team_member_profiles

-- name: the table behind the view, quoted
-- expect: refused
SELECT * FROM `analytics_internal`.`users`

-- name: the table behind the view, in one quoted name
-- expect: refused
SELECT * FROM "analytics_internal.users"

-- name: the table behind the view, in pieces
-- expect: refused
SELECT * FROM analytics_internal /* . */ . /**/ users

-- name: the table behind the view, final
-- expect: refused
SELECT * FROM analytics_internal.users FINAL

-- name: the table behind the view in IN
-- expect: refused
SELECT 1 WHERE 'x' IN analytics_internal.users

-- name: the table behind the view in NOT IN
-- expect: refused
SELECT 1 WHERE ('x', 'y') NOT IN (analytics_internal.users)

-- name: the table behind the view in GLOBAL IN
-- expect: refused
SELECT 1 WHERE 'x' GLOBAL IN analytics_internal.users

-- name: the table behind the view by a function's name for IN
-- expect: refused
SELECT in('x', analytics_internal.users)

-- name: the table behind the view in a subquery of a subquery
-- expect: refused
SELECT (SELECT count() FROM (SELECT * FROM (SELECT id FROM analytics_internal.users)))

-- name: the table behind the view in a common table expression
-- expect: refused
WITH x AS (SELECT * FROM analytics_internal.teams) SELECT count() FROM x

-- name: the table behind the view in a union
-- expect: refused
SELECT id FROM users UNION ALL SELECT id FROM analytics_internal.users

-- name: the table behind the view in a join
-- expect: refused
SELECT 1 FROM users AS a, analytics_internal.users AS b

-- name: the table behind the view in exists
-- expect: refused
SELECT EXISTS(SELECT 1 FROM analytics_internal.users)

-- name: the watermarks
-- expect: refused
SELECT * FROM analytics_internal._stack_sync_metadata

-- name: the schema's versions
-- expect: refused
SELECT * FROM analytics_internal._tributary_schema

-- name: tables of the system
-- expect: refused
SELECT database, name, total_rows, total_bytes FROM system.tables

-- name: parts of tables
-- expect: refused
SELECT sum(rows) FROM system.parts

-- name: queries of others
-- expect: refused
SELECT query FROM system.processes

-- name: the log of queries
-- expect: refused
SELECT query FROM system.query_log

-- name: errors of others
-- expect: refused
SELECT last_error_message FROM system.errors

-- name: the system's row
-- expect: refused
SELECT * FROM system.one

-- name: users of the system
-- expect: refused
SELECT * FROM system.users

-- name: row policies
-- expect: refused
SELECT * FROM system.row_policies

-- name: settings of the system
-- expect: refused
SELECT value FROM system.settings WHERE name = 'log_comment'

-- name: numbers of the system
-- expect: refused
SELECT * FROM system.numbers LIMIT 1

-- name: the information schema
-- expect: refused
SELECT * FROM information_schema.tables

-- name: the information schema in capitals
-- expect: refused
SELECT * FROM INFORMATION_SCHEMA.COLUMNS

-- name: a table of no database
-- expect: refused
SELECT * FROM one

-- name: a database that is not there
-- expect: refused
SELECT * FROM nowhere.users

-- name: another database by the URL
-- expect: refused
-- url: database=analytics_internal
SELECT * FROM users

-- name: the system's database by the URL
-- expect: refused
-- url: database=system
SELECT * FROM processes

-- ---- table functions ----------------------------------------------------------------------------------------------------------------

-- name: merge
-- expect: refused
SELECT * FROM merge('analytics_internal', '.*')

-- name: merge of the current database
-- expect: refused
SELECT * FROM merge('.*')

-- name: merge in capitals
-- expect: refused
SELECT * FROM MERGE(REGEXP('analytics'), 'users')

-- name: mergeTreeIndex
-- expect: refused
SELECT * FROM mergeTreeIndex(analytics_internal, users)

-- name: mergeTreeProjection
-- expect: refused
SELECT * FROM mergeTreeProjection(analytics_internal, users, p)

-- name: mergeTreeAnalyzeIndexes
-- expect: refused
SELECT * FROM mergeTreeAnalyzeIndexes(analytics_internal, users)

-- name: file
-- expect: refused
SELECT * FROM file('/etc/passwd', LineAsString, 'line String')

-- name: file of the engine's folder
-- expect: refused
SELECT * FROM file('../store/**', RawBLOB)

-- name: file as a function
-- expect: refused
SELECT file('/etc/passwd')

-- name: file as a function in capitals and quotes
-- expect: refused
SELECT `FILE`('/etc/passwd')

-- name: fileCluster
-- expect: refused
SELECT * FROM fileCluster('default', '*')

-- name: url
-- expect: refused
SELECT * FROM url('http://127.0.0.1:1/', CSV, 'a String')

-- name: urlCluster
-- expect: refused
SELECT * FROM urlCluster('default', 'http://127.0.0.1:1/', CSV)

-- name: remote
-- expect: refused
SELECT * FROM remote('127.0.0.1', analytics_internal, users)

-- name: remoteSecure
-- expect: refused
SELECT * FROM remoteSecure('127.0.0.1', analytics_internal.users)

-- name: cluster
-- expect: refused
SELECT * FROM cluster('default', analytics_internal, users)

-- name: clusterAllReplicas
-- expect: refused
SELECT * FROM clusterAllReplicas('default', system.processes)

-- name: s3
-- expect: refused
SELECT * FROM s3('http://127.0.0.1:1/bucket/x.csv')

-- name: gcs
-- expect: refused
SELECT * FROM gcs('http://127.0.0.1:1/bucket/x.csv')

-- name: azureBlobStorage
-- expect: refused
SELECT * FROM azureBlobStorage('x', 'y', 'z')

-- name: hdfs
-- expect: refused
SELECT * FROM hdfs('hdfs://127.0.0.1/x', 'CSV', 'a String')

-- name: postgresql
-- expect: refused
SELECT * FROM postgresql('127.0.0.1:5432', 'postgres', 'pg_authid', 'postgres', '')

-- name: mysql
-- expect: refused
SELECT * FROM mysql('127.0.0.1:3306', 'mysql', 'user', 'root', '')

-- name: sqlite
-- expect: refused
SELECT * FROM sqlite('/tmp/x.db', 't')

-- name: mongodb
-- expect: refused
SELECT * FROM mongodb('127.0.0.1:27017', 'a', 'b', 'c', 'd', 'x String')

-- name: redis
-- expect: refused
SELECT * FROM redis('127.0.0.1:6379', 'k', 'k String, v String')

-- name: jdbc
-- expect: refused
SELECT * FROM jdbc('x', 'y')

-- name: iceberg
-- expect: refused
SELECT * FROM icebergLocal('/etc')

-- name: deltaLake
-- expect: refused
SELECT * FROM deltaLakeLocal('/etc')

-- name: executable
-- expect: refused
SELECT * FROM executable('id', CSV, 'x String')

-- name: input
-- expect: refused
SELECT * FROM input('x String')

-- name: dictionary
-- expect: refused
SELECT * FROM dictionary('analytics_internal.users')

-- name: loop
-- expect: refused
SELECT * FROM loop(analytics_internal.users)

-- name: format as a table
-- expect: refused
SELECT * FROM format(JSONEachRow, '{"a": 1}')

-- name: generateRandom
-- expect: refused
SELECT * FROM generateRandom('a String') LIMIT 1

-- name: viewExplain
-- expect: refused
SELECT * FROM viewExplain('EXPLAIN', '', (SELECT 1))

-- name: viewIfPermitted
-- expect: refused
SELECT * FROM viewIfPermitted(SELECT * FROM analytics_internal.users ELSE null('x String'))

-- name: a forbidden table in view
-- expect: refused
SELECT * FROM view(SELECT * FROM analytics_internal.users)

-- name: view over one's own rows
-- expect: own rows
-- answer: 5
SELECT count() FROM view(SELECT * FROM users)

-- name: fuzzQuery
-- expect: refused
SELECT * FROM fuzzQuery('SELECT 1')

-- name: timeSeriesSelector
-- expect: refused
SELECT * FROM timeSeriesData(analytics_internal, users)

-- name: chdb's Python
-- expect: refused
SELECT * FROM Python(users)

-- name: a table function in IN
-- expect: refused
SELECT 1 WHERE 1 IN (SELECT * FROM merge('analytics_internal', 'users'))

-- name: a table function behind an alias
-- expect: refused
WITH merge('analytics_internal', 'users') AS t SELECT * FROM t

-- name: EXPLAIN as a table
-- expect: refused
SELECT * FROM (EXPLAIN SELECT * FROM users)

-- name: EXPLAIN ESTIMATE as a table
-- expect: refused
SELECT * FROM (EXPLAIN ESTIMATE SELECT * FROM users)

-- name: SHOW as a table
-- expect: refused
SELECT * FROM (SHOW TABLES)

-- name: DESCRIBE as a table
-- expect: refused
SELECT * FROM (DESCRIBE TABLE analytics_internal.users)

-- ---- functions that look about ------------------------------------------------------------------------------------------------------

-- name: dictGet
-- expect: refused
SELECT dictGet('x', 'y', 1)

-- name: joinGet
-- expect: refused
SELECT joinGet('analytics_internal.users', 'id', 1)

-- name: hasColumnInTable
-- expect: refused
SELECT hasColumnInTable('analytics_internal', 'users', 'id')

-- name: getSetting
-- expect: refused
SELECT getSetting('log_comment')

-- name: getSettingOrDefault
-- expect: refused
SELECT getSettingOrDefault('log_comment', 'x')

-- name: getSetting with combinators
-- expect: refused
SELECT arrayMap(x -> getSetting(x), ['log_comment'])

-- name: getServerSetting
-- expect: refused
SELECT getServerSetting('max_server_memory_usage')

-- name: getMergeTreeSetting
-- expect: refused
SELECT getMergeTreeSetting('index_granularity')

-- name: the host's name
-- expect: refused
SELECT hostName(), version(), uptime()

-- name: the user's name
-- expect: refused
SELECT currentUser()

-- name: the query's id
-- expect: refused
SELECT initialQueryID(), queryID()

-- name: addresses
-- expect: refused
SELECT addressToSymbol(1)

-- name: free space
-- expect: refused
SELECT filesystemAvailable()

-- name: zookeeper
-- expect: refused
SELECT zookeeperSessionUptime()

-- name: a function by apply
-- expect: refused
SELECT * APPLY(file) FROM teams

-- name: a lambda by apply
-- expect: refused
SELECT * APPLY(x -> file(x)) FROM teams

-- name: a function in replace
-- expect: refused
SELECT * REPLACE (file('/etc/passwd') AS display_name) FROM teams

-- name: a function in the window's frame
-- expect: refused
SELECT sum(1) OVER (ORDER BY file('/etc/passwd')) FROM teams

-- name: a function in limit
-- expect: refused
SELECT 1 LIMIT length(file('/etc/passwd'))

-- name: a function in with fill
-- expect: refused
SELECT 1 AS n ORDER BY n WITH FILL FROM length(file('/etc/passwd')) TO 10

-- name: a function in interpolate
-- expect: refused
SELECT 1 AS n, '' AS s ORDER BY n WITH FILL FROM 1 TO 3 INTERPOLATE (s AS file('/etc/passwd'))

-- name: a function in a grouping set
-- expect: refused
SELECT count() FROM users GROUP BY GROUPING SETS ((file('/etc/passwd')))

-- name: a function as an aggregate's parameter
-- expect: refused
SELECT quantile(length(file('/etc/passwd')))(1)

-- name: a function by the pipe of arrays
-- expect: refused
SELECT arrayReduce('fileState', [1])

-- name: an aggregate by its name
-- expect: own rows
SELECT arrayReduce('groupUniqArray', ['a', 'a'])

-- name: a function of SQL
-- expect: refused
CREATE FUNCTION leak AS () -> file('/etc/passwd')

-- name: catboost
-- expect: refused
SELECT catboostEvaluate('/etc/passwd', 1)

-- ---- settings and tenants -----------------------------------------------------------------------------------------------------------

-- name: settings of the tenant
-- expect: refused
SELECT count() FROM users SETTINGS log_comment = '{"project_id":"alpha","branch_id":"main"}'

-- name: settings in a subquery
-- expect: refused
SELECT count() FROM (SELECT * FROM users SETTINGS log_comment = '{"project_id":"alpha","branch_id":"main"}')

-- name: the server's tenant in a subquery
-- expect: refused
SELECT * FROM (SELECT * FROM users SETTINGS SQL_project_id = 'alpha')

-- name: settings behind a number that begins with a dot
-- expect: refused
SELECT * FROM (SELECT * FROM users WHERE 1 > .5SETTINGS SQL_project_id = 'alpha')

-- name: settings behind an exponent
-- expect: refused
SELECT * FROM (SELECT * FROM users WHERE 1 < .5e+3SETTINGS SQL_project_id = 'alpha')

-- name: readonly undone behind a tenant's subquery
-- expect: refused
SELECT * FROM (SELECT * FROM users SETTINGS SQL_project_id = 'alpha', readonly = 1) SETTINGS readonly = DEFAULT

-- name: settings without values, as one word of a scalar subquery
-- expect: refused
SELECT (SELECT count() FROM teams SETTINGS final, SQL_project_id = 'alpha')

-- name: readonly by settings
-- expect: refused
SELECT count() FROM users SETTINGS readonly = 0

-- name: readonly as it is
-- expect: refused
SELECT count() FROM users SETTINGS readonly = 1

-- name: settings behind the format
-- expect: refused
SELECT count() FROM users FORMAT CSV SETTINGS log_comment = '{"project_id":"alpha","branch_id":"main"}'

-- name: settings behind the format, that hide a statement
-- expect: refused
SELECT 1 FORMAT CSV SETTINGS format_csv_delimiter = $a$'$a$; SELECT * FROM system.tables --'

-- name: settings of the server's tenant
-- expect: refused
SELECT count() FROM users SETTINGS SQL_project_id = 'alpha'

-- name: a setting named default
-- expect: refused
SELECT 1 SETTINGS readonly = DEFAULT

-- name: row policies switched off
-- expect: refused
SELECT count() FROM users SETTINGS users_without_row_policies_can_read_rows = 1

-- name: a cache of results
-- expect: refused
SELECT count() FROM users SETTINGS use_query_cache = 1, query_cache_share_between_users = 1

-- name: an additional filter
-- expect: refused
SELECT count() FROM users SETTINGS additional_table_filters = {'default.users': 'throwIf(project_id != \'mine\') = 0'}

-- name: the old analyzer
-- expect: refused
SELECT count() FROM users SETTINGS allow_experimental_analyzer = 0

-- name: SET
-- expect: refused
SET log_comment = '{"project_id":"alpha","branch_id":"main"}'

-- name: SET of a parameter
-- expect: refused
SET param_x = 'analytics_internal'

-- name: SET of a role
-- expect: refused
SET ROLE ALL

-- name: USE
-- expect: refused
USE analytics_internal

-- name: the tenant named in a comment of the URL
-- expect: own rows
-- answer: 5
-- url: log_comment=%7B%22project_id%22%3A%22alpha%22%2C%22branch_id%22%3A%22main%22%7D
SELECT count() FROM users

-- name: readonly by the URL
-- expect: own rows
-- answer: 5
-- url: readonly=0
SELECT count() FROM users

-- name: a setting by the URL
-- expect: refused
-- url: allow_introspection_functions=1
SELECT count() FROM users

-- name: a setting of the analyzer by the URL
-- expect: refused
-- url: additional_result_filter=1
SELECT count() FROM users

-- name: a session by the URL
-- expect: refused
-- url: session_id=other
SELECT count() FROM users

-- name: a role by the URL
-- expect: own rows
-- answer: 5
-- url: role=admin
SELECT count() FROM users

-- name: a statement in the URL before one's own
-- expect: refused
-- url: query=SELECT%20*%20FROM%20analytics_internal.users%3B
SELECT 1

-- name: half a statement in the URL
-- expect: refused
-- url: query=SELECT%20*%20FROM%20analytics_internal.
users

-- name: more memory by the URL
-- expect: refused
-- url: max_memory_usage=100000000000
SELECT length(range(500000000))

-- name: no bound of time by the URL
-- expect: own rows
-- url: max_execution_time=0
SELECT 1

-- ---- parameters ---------------------------------------------------------------------------------------------------------------------

-- name: a parameter as a table
-- expect: refused
-- url: param_t=users
SELECT * FROM {t:Identifier}

-- name: a parameter as a database
-- expect: refused
-- url: param_d=analytics_internal
SELECT * FROM {d:Identifier}.users

-- name: a parameter as a table, with blanks and comments
-- expect: refused
-- url: param_t=users
SELECT * FROM { t /* */ : /* */ Identifier }

-- name: a parameter as a column
-- expect: refused
-- url: param_c=project_id
SELECT {c:Identifier} FROM users

-- name: a parameter that holds SQL
-- expect: own rows
-- answer: ' UNION ALL SELECT primary_email FROM analytics_internal.users --
-- url: param_x=%27%20UNION%20ALL%20SELECT%20primary_email%20FROM%20analytics_internal.users%20--
SELECT {x:String} FORMAT TSVRaw

-- name: a parameter that breaks out of its type
-- expect: refused
-- url: param_n=1)%20UNION%20ALL%20SELECT%20(2
SELECT {n:UInt64}

-- name: a parameter with the tenant's name
-- expect: own rows
-- answer: 0
-- url: param_p=alpha
SELECT count() FROM users WHERE project_id = {p:String}

-- name: a parameter that is a tuple of rows
-- expect: own rows
-- url: param_a=%5B%27alpha%27%2C%27mine%27%5D
SELECT count() FROM users WHERE project_id IN {a:Array(String)}

-- name: a parameter without a value
-- expect: refused
SELECT {missing:String}

-- name: a parameter's name that is no name
-- expect: refused
-- url: param_a%20%3D%201%2C%20readonly=0
SELECT 1

-- name: a parameter of the type of a file
-- expect: refused
-- url: param_x=1
SELECT {x:File}

-- name: a parameter in the place of a format
-- expect: refused
-- url: param_f=JSON
SELECT 1 FORMAT {f:Identifier}

-- ---- texts that two lexers may read differently -------------------------------------------------------------------------------------

-- name: two statements
-- expect: refused
SELECT 1; SELECT * FROM analytics_internal.users

-- name: two statements in one bracket
-- expect: refused
SELECT (1; SELECT 2)

-- name: a second statement behind a comment
-- expect: refused
SELECT 1 /* ; */; /* */ DROP TABLE analytics_internal.users

-- name: a second statement on a line of its own
-- expect: refused
SELECT 1 -- one
;
SELECT 2

-- name: a semicolon at the end
-- expect: own rows
-- answer: 1
SELECT 1;

-- name: a comment at the end
-- expect: own rows
-- answer: 1
SELECT 1 -- and no more

-- name: a comment that is not closed
-- expect: refused
SELECT 1 /* and no more

-- name: a comment in a comment
-- expect: own rows
-- answer: 1
SELECT 1 /* /* */ FROM analytics_internal.users */

-- name: a comment in a comment that hides a statement
-- expect: refused
SELECT 1 /* /* */ ' */ ; KILL QUERY WHERE 1 -- '

-- name: a comment in a comment that hides a file
-- expect: refused
SELECT 1 /* /* */ ' */ ; SELECT 'SelectQuery\n Literal ' || file('../../status') -- '

-- name: a comment that ends early
-- expect: refused
SELECT * FROM users /*/ */ , analytics_internal.users /* */

-- name: comments of MySQL
-- expect: refused
SELECT 1 /*! UNION ALL SELECT 2 */ FROM analytics_internal.users

-- name: a comment by a hash
-- expect: own rows
-- answer: 1
SELECT 1 #! FROM analytics_internal.users

-- name: a comment by a hash and a blank
-- expect: own rows
-- answer: 1
SELECT 1 # FROM analytics_internal.users

-- name: a hash that is no comment
-- expect: refused
SELECT 1 #FROM analytics_internal.users

-- name: a comment by slashes
-- expect: own rows
-- answer: 1
SELECT 1 // FROM analytics_internal.users

-- name: a comment by slashes that hides a statement
-- expect: refused
SELECT 1 // '
; SELECT 'SelectQuery\n Literal ' || file('../../status') -- '

-- name: the terminal's end of a statement
-- expect: refused
SELECT 1\G SELECT * FROM analytics_internal.users

-- name: a carriage return in a comment
-- expect: own rows
-- answer: 1
-- escapes: on
SELECT 1 -- \x0dFROM analytics_internal.users

-- name: a here-document
-- expect: refused
SELECT $a$ ' $a$, * FROM analytics_internal.users WHERE $b$ ' $b$ != ''

-- name: a here-document without a name
-- expect: refused
SELECT $$ $$

-- name: a dollar in a name
-- expect: refused
SELECT 1 AS a$b

-- name: typographic quotes
-- expect: refused
SELECT ‘'’ AS a, 'x' FROM analytics_internal.users

-- name: typographic double quotes
-- expect: refused
SELECT * FROM “analytics_internal”.“users”

-- name: a long dash for a minus
-- expect: refused
SELECT 1 — 1 FROM analytics_internal.users

-- name: a fullwidth apostrophe
-- expect: refused
SELECT ＇analytics_internal.users＇

-- name: blanks of Unicode
-- expect: refused
-- escapes: on
SELECT\xc2\xa0*\xc2\xa0FROM\xc2\xa0analytics_internal.users

-- name: blanks of Unicode around OUTFILE
-- expect: refused
-- escapes: on
SELECT 1\xc2\xa0INTO\xc2\xa0OUTFILE\xc2\xa0'x'

-- name: blanks of Unicode in the format
-- expect: refused
-- escapes: on
SELECT 1 FORMAT CSV\xc2\xa0SETTINGS

-- name: a line separator of Unicode
-- expect: refused
-- escapes: on
SELECT 1 --\xe2\x80\xa8, * FROM analytics_internal.users\x0aFROM analytics_internal.users

-- name: a byte order mark
-- expect: refused
-- escapes: on
\xef\xbb\xbfSELECT * FROM analytics_internal.users

-- name: a zero byte
-- expect: refused
-- escapes: on
SELECT 1\x00; SELECT * FROM analytics_internal.users

-- name: a zero byte in a text
-- expect: own rows
-- escapes: on
SELECT length('a\x00b')

-- name: bytes that are no UTF-8
-- expect: refused
-- escapes: on
SELECT \xff\xfe FROM users

-- name: a quote that is not closed
-- expect: refused
SELECT 'abc FROM analytics_internal.users

-- name: a backslash before the last quote
-- expect: refused
SELECT 'abc\' FROM analytics_internal.users

-- name: doubled quotes
-- expect: own rows
-- answer: it's
SELECT 'it''s' FORMAT TSVRaw

-- name: an escaped quote and a table
-- expect: refused
SELECT '\'' AS a, ''' FROM users --' FROM analytics_internal.users

-- name: a backslash in a name
-- expect: refused
SELECT 1 AS `a\`b`

-- name: a line break in a name
-- expect: refused
-- escapes: on
SELECT 1 AS "a\x0aTableIdentifier users"

-- name: brackets in a name
-- expect: refused
SELECT 1 AS "a (children 1)"

-- name: a name that looks like an alias
-- expect: refused
SELECT * FROM `users (alias x)`

-- name: a function's name in quotes
-- expect: refused
SELECT "hostName"()

-- name: hexadecimal text as a file's name
-- expect: refused
SELECT file(x'2f6574632f706173737764')

-- name: a keyword of this module as a name
-- expect: own rows
SELECT 1 AS format, 2 AS `settings`, 3 AS outfile_ FROM users LIMIT 1

-- name: FROM before SELECT
-- expect: own rows
-- answer: 5
FROM users SELECT count()

-- name: in brackets
-- expect: own rows
-- answer: 5
(SELECT count() FROM users)

-- name: in many brackets
-- expect: refused
((((((((((SELECT * FROM analytics_internal.users))))))))))

-- name: a select without a word
-- expect: refused
1

-- name: nothing
-- expect: refused


-- name: only a comment
-- expect: refused
-- nothing

-- name: a misspelt statement
-- expect: refused
SELEC 1

-- name: PRQL
-- expect: refused
from users | take 5

-- name: Kusto
-- expect: refused
users | take 5

-- ---- statements that are no SELECT --------------------------------------------------------------------------------------------------

-- name: INSERT of values
-- expect: refused
INSERT INTO users (id) VALUES (generateUUIDv4())

-- name: INSERT of a select
-- expect: refused
INSERT INTO analytics_internal.users (project_id) SELECT 'alpha'

-- name: INSERT into a function
-- expect: refused
INSERT INTO FUNCTION file('x.csv') SELECT * FROM users

-- name: INSERT from a file
-- expect: refused
INSERT INTO users FROM INFILE '/etc/passwd' FORMAT CSV

-- name: ALTER TABLE
-- expect: refused
ALTER TABLE analytics_internal.users DELETE WHERE 1

-- name: ALTER of a row policy
-- expect: refused
ALTER ROW POLICY tributary_tenant ON default.users USING 1

-- name: UPDATE
-- expect: refused
UPDATE users SET display_name = 'x' WHERE 1

-- name: DELETE
-- expect: refused
DELETE FROM users WHERE 1

-- name: TRUNCATE
-- expect: refused
TRUNCATE TABLE analytics_internal.users

-- name: DROP TABLE
-- expect: refused
DROP TABLE analytics_internal.users

-- name: DROP VIEW
-- expect: refused
DROP VIEW users

-- name: RENAME
-- expect: refused
RENAME TABLE users TO mine

-- name: CREATE TABLE
-- expect: refused
CREATE TABLE mine ENGINE = Memory AS SELECT * FROM users

-- name: CREATE TEMPORARY TABLE
-- expect: refused
CREATE TEMPORARY TABLE mine (a String)

-- name: CREATE VIEW with a definer
-- expect: refused
CREATE VIEW leak DEFINER = admin SQL SECURITY DEFINER AS SELECT * FROM analytics_internal.users

-- name: CREATE VIEW without security
-- expect: refused
CREATE VIEW leak SQL SECURITY NONE AS SELECT * FROM analytics_internal.users

-- name: CREATE OR REPLACE VIEW
-- expect: refused
CREATE OR REPLACE VIEW users AS SELECT * FROM analytics_internal.users

-- name: ALTER of a view's security
-- expect: refused
ALTER TABLE users MODIFY SQL SECURITY NONE

-- name: CREATE MATERIALIZED VIEW
-- expect: refused
CREATE MATERIALIZED VIEW leak ENGINE = Memory AS SELECT * FROM analytics_internal.users

-- name: CREATE DICTIONARY
-- expect: refused
CREATE DICTIONARY leak (id UUID) PRIMARY KEY id SOURCE(CLICKHOUSE(TABLE 'users' DB 'analytics_internal')) LAYOUT(FLAT()) LIFETIME(1)

-- name: CREATE USER
-- expect: refused
CREATE USER leak

-- name: GRANT
-- expect: refused
GRANT ALL ON *.* TO default

-- name: REVOKE
-- expect: refused
REVOKE ALL ON *.* FROM default

-- name: CREATE ROW POLICY
-- expect: refused
CREATE ROW POLICY leak ON default.users USING 1 TO default

-- name: EXECUTE AS
-- expect: refused
EXECUTE AS admin SELECT * FROM analytics_internal.users

-- name: KILL QUERY
-- expect: refused
KILL QUERY WHERE 1

-- name: KILL QUERY as an oracle
-- expect: refused
KILL QUERY WHERE query LIKE '%hidden%' TEST

-- name: SYSTEM
-- expect: refused
SYSTEM FLUSH LOGS

-- name: OPTIMIZE
-- expect: refused
OPTIMIZE TABLE analytics_internal.users FINAL

-- name: CHECK TABLE
-- expect: refused
CHECK TABLE analytics_internal.users

-- name: BACKUP
-- expect: refused
BACKUP TABLE analytics_internal.users TO File('x')

-- name: ATTACH
-- expect: refused
ATTACH TABLE leak FROM '/tmp' (a String) ENGINE = File(CSV)

-- name: SHOW TABLES
-- expect: refused
SHOW TABLES FROM analytics_internal

-- name: SHOW CREATE TABLE
-- expect: refused
SHOW CREATE TABLE analytics_internal.users

-- name: SHOW CREATE VIEW
-- expect: refused
SHOW CREATE VIEW users

-- name: SHOW PROCESSLIST
-- expect: refused
SHOW PROCESSLIST

-- name: SHOW GRANTS
-- expect: refused
SHOW GRANTS

-- name: SHOW SETTINGS
-- expect: refused
SHOW SETTINGS LIKE 'log_comment'

-- name: DESCRIBE
-- expect: refused
DESCRIBE TABLE users

-- name: EXISTS
-- expect: refused
EXISTS TABLE analytics_internal.users

-- name: EXPLAIN
-- expect: refused
EXPLAIN SELECT * FROM users

-- name: EXPLAIN of indexes
-- expect: refused
EXPLAIN indexes = 1 SELECT * FROM users WHERE project_id = 'alpha'

-- name: EXPLAIN ESTIMATE
-- expect: refused
EXPLAIN ESTIMATE SELECT * FROM users

-- name: EXPLAIN PIPELINE
-- expect: refused
EXPLAIN PIPELINE SELECT * FROM users

-- name: EXPLAIN of a table override
-- expect: refused
EXPLAIN TABLE OVERRIDE mysql('x', 'y', 'z', 'u', 'p') PARTITION BY 1

-- name: a transaction
-- expect: refused
BEGIN TRANSACTION

-- name: WITH before INSERT
-- expect: refused
WITH 1 AS x INSERT INTO users (id) SELECT x

-- name: PARALLEL WITH
-- expect: refused
SELECT 1 PARALLEL WITH DROP TABLE users

-- ---- files and formats --------------------------------------------------------------------------------------------------------------

-- name: INTO OUTFILE
-- expect: refused
SELECT * FROM users INTO OUTFILE 'leak.csv'

-- name: INTO OUTFILE with a format
-- expect: refused
SELECT * FROM users INTO OUTFILE 'leak.csv' AND STDOUT FORMAT CSV

-- name: INTO OUTFILE of a descriptor
-- expect: refused
SELECT 1 INTO OUTFILE '/proc/self/fd/1' TRUNCATE FORMAT CSV

-- name: two formats
-- expect: refused
SELECT 1 FORMAT CSV FORMAT JSON

-- name: a format that is not known
-- expect: refused
SELECT 1 FORMAT Nothing

-- name: a format with a template of a file
-- expect: refused
SELECT 1 FORMAT Template

-- name: a format with a schema of a file
-- expect: refused
SELECT 1 FORMAT Protobuf

-- name: a format with a registry
-- expect: refused
SELECT 1 FORMAT CapnProto

-- name: a format of SQL
-- expect: refused
SELECT * FROM users FORMAT SQLInsert

-- name: a format that says nothing
-- expect: own rows
SELECT * FROM users FORMAT Null

-- name: a format by the URL
-- expect: refused
-- url: default_format=Template
SELECT 1

-- name: a format by the URL that is no name
-- expect: refused
-- url: default_format=CSV%20SETTINGS%20readonly%3D0
SELECT 1

-- name: vertical
-- expect: own rows
SELECT id, project_id FROM users ORDER BY id FORMAT Vertical

-- name: pretty
-- expect: own rows
SELECT id, project_id FROM users ORDER BY id FORMAT PrettyCompact

-- name: csv with names
-- expect: own rows
SELECT id, project_id FROM users ORDER BY id FORMAT CSVWithNames

-- name: avro
-- expect: own rows
SELECT count() AS n FROM users FORMAT MsgPack

-- ---- bombs --------------------------------------------------------------------------------------------------------------------------

-- name: many rows by a join
-- expect: refused
-- url: max_execution_time=1
SELECT count() FROM numbers(1000000000) AS a, numbers(1000000000) AS b WHERE a.number + b.number = 1

-- name: a long sum
-- expect: refused
-- url: max_execution_time=1
SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1

-- name: a long sort in memory
-- expect: refused
-- url: max_memory_usage=100000000
SELECT max(number) FROM (SELECT number FROM numbers(200000000) ORDER BY sipHash64(number) LIMIT 100000000)

-- name: a large array
-- expect: refused
SELECT length(range(1000000000000))

-- name: a large text
-- expect: refused
SELECT length(repeat('x', 100000000000))

-- name: a large group
-- expect: refused
-- url: max_memory_usage=100000000
SELECT length(groupArray(repeat('x', 1000))) FROM numbers(100000000)

-- name: arrays that multiply
-- expect: refused
-- url: max_execution_time=1
SELECT count() FROM (SELECT 1 ARRAY JOIN range(100000) AS a ARRAY JOIN range(100000) AS b)

-- name: arrays in arrays
-- expect: refused
SELECT arrayMap(x -> arrayMap(y -> range(100000), range(100000)), range(100000))

-- name: a large result
-- expect: refused
-- url: max_result_rows=1000&wait_end_of_query=1
SELECT number FROM numbers(100000000)

-- name: a deep expression
-- expect: refused
-- repeat: 20000 (
SELECT 1

-- name: a deep array
-- expect: refused
-- repeat: 20000 [
SELECT 1

-- name: a deep subquery
-- expect: refused
-- repeat: 40 FROM (SELECT *
SELECT *

-- name: subqueries that are not too deep for the lexer
-- expect: refused
SELECT count() FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT 1))))))))))))))))))))))))

-- name: a long list of unions
-- expect: refused
-- repeat: 3000 UNION ALL SELECT 1
SELECT 1

-- name: a long list of numbers
-- expect: own rows
-- repeat: 10000 , 1
SELECT 1 LIMIT 0 BY 1

-- name: a long list of negations
-- expect: refused
-- repeat: 20000 NOT
SELECT

-- name: a long regular expression
-- expect: own rows
-- url: max_execution_time=5
SELECT count() FROM users WHERE match(repeat('a', 1000), '(a*)*(a*)*(a*)*b')

-- name: a statement larger than a megabyte
-- expect: refused
-- repeat: 300000 , 1
SELECT 1
