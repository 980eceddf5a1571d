-- What a customer asks of its rows in ClickHouse. Each sees its own only: nothing here names a tenant.

--; Sign-ups in each of the last eight weeks
SELECT toStartOfWeek(signed_up_at) AS week,
       count() AS sign_ups,
       bar(sign_ups, 0, max(sign_ups) OVER (), 24) AS chart
FROM users
GROUP BY week
ORDER BY week DESC
LIMIT 8

--; Largest teams
SELECT t.display_name AS team,
       count() AS members
FROM team_member_profiles AS m
JOIN teams AS t ON t.id = m.team_id
GROUP BY t.id, t.display_name
ORDER BY members DESC, team
LIMIT 5

--; E-mail addresses that are not verified
SELECT countIf(NOT is_verified) AS unverified,
       count() AS addresses,
       round(100 * unverified / addresses, 1) AS percent
FROM contact_channels
WHERE type = 'EMAIL'
