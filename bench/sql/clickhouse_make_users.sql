-- :rows users of :project, from number :first on, with versions from :version on.
INSERT INTO analytics_internal.users
  (project_id, branch_id, id, display_name, primary_email, primary_email_verified, signed_up_at, server_metadata, sync_sequence_id)
SELECT :project, 'main', toUUID(UUIDNumToString(sipHash128('user', number))), concat('User number ', toString(number)),
       concat('user', toString(number), '@mail.example'), number % 10 != 0, toDateTime64('2020-01-01', 3) + number * 60,
       concat('{"customer": "cus_', toString(number), '"}'), :version + number
FROM numbers(:first, :rows)
