-- The same columns out of a customer's database.

--; users
SELECT id::text AS key,
       id::text,
       display_name,
       profile_image_url,
       primary_email,
       primary_email_verified::text,
       signed_up_at::text,
       client_metadata::text,
       client_read_only_metadata::text,
       server_metadata::text,
       is_anonymous::text
FROM public.users

--; contact_channels
SELECT id::text AS key,
       id::text,
       user_id::text,
       type,
       value,
       is_primary::text,
       is_verified::text,
       used_for_auth::text,
       created_at::text
FROM public.contact_channels

--; teams
SELECT id::text AS key,
       id::text,
       display_name,
       profile_image_url,
       created_at::text,
       client_metadata::text,
       client_read_only_metadata::text,
       server_metadata::text
FROM public.teams

--; team_member_profiles
SELECT team_id || ' ' || user_id AS key,
       team_id::text,
       user_id::text,
       display_name,
       profile_image_url,
       created_at::text
FROM public.team_member_profiles
