-- The same columns out of the views of the shared ClickHouse, as PostgreSQL writes them: each a Nullable(String).

--; users
SELECT toNullable(toString(id)) AS key,
       toNullable(toString(id)),
       display_name,
       profile_image_url,
       primary_email,
       toNullable(if(primary_email_verified, 'true', 'false')),
       toNullable(replaceRegexpOne(toString(signed_up_at), '\\.?0+$', '')),
       toNullable(client_metadata),
       toNullable(client_read_only_metadata),
       toNullable(server_metadata),
       toNullable(if(is_anonymous, 'true', 'false'))
FROM users

--; contact_channels
SELECT toNullable(toString(id)) AS key,
       toNullable(toString(id)),
       toNullable(toString(user_id)),
       toNullable(toString(type)),
       toNullable(value),
       toNullable(if(is_primary, 'true', 'false')),
       toNullable(if(is_verified, 'true', 'false')),
       toNullable(if(used_for_auth, 'true', 'false')),
       toNullable(replaceRegexpOne(toString(created_at), '\\.?0+$', ''))
FROM contact_channels

--; teams
SELECT toNullable(toString(id)) AS key,
       toNullable(toString(id)),
       toNullable(display_name),
       profile_image_url,
       toNullable(replaceRegexpOne(toString(created_at), '\\.?0+$', '')),
       toNullable(client_metadata),
       toNullable(client_read_only_metadata),
       toNullable(server_metadata)
FROM teams

--; team_member_profiles
SELECT toNullable(concat(toString(team_id), ' ', toString(user_id))) AS key,
       toNullable(toString(team_id)),
       toNullable(toString(user_id)),
       display_name,
       profile_image_url,
       toNullable(replaceRegexpOne(toString(created_at), '\\.?0+$', ''))
FROM team_member_profiles
