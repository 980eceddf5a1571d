COPY public."teams" ("id", "display_name", "profile_image_url", "created_at", "client_metadata", "client_read_only_metadata", "server_metadata") FROM STDIN (FORMAT binary);
