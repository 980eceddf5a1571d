-- :rows memberships of :project, one for each user.
INSERT INTO analytics_internal.team_member_profiles (project_id, branch_id, team_id, user_id, display_name, created_at, sync_sequence_id)
SELECT :project, 'main', toUUID(UUIDNumToString(sipHash128('team', number % 1000))), toUUID(UUIDNumToString(sipHash128('user', number))),
       concat('Member number ', toString(number)), toDateTime64('2020-01-01', 3) + number * 60, :version + number
FROM numbers(:first, :rows)
