COPY public."team_member_profiles" ("team_id", "user_id", "display_name", "profile_image_url", "created_at") FROM STDIN (FORMAT binary);
