#pragma once
#include <string>
#include <utility>
#include <vector>

#include "mapping/mapping.hpp"
#include "session.hpp"

/// What the benchmarks put into a source, and how they steer the service that reads it: by the same SQL that anybody could use.
namespace tributary::bench {

/// A text of bench/sql/, without its comments, each `:name` in `replaced` put in.
std::string sql_file(const std::string& name, const std::vector<std::pair<std::string, std::string>>& replaced = {});

/// Of the program itself.
mapping::Mapping users_mapping();
/// Script that makes the target table of the users, as the service does.
std::string create_users_sql();

/// Id of the n-th tenancy: always the same, spread over the shards.
std::string tenancy_id(int number);
/// A project of one tenancy. Returns the tenancy's id.
std::string make_tenancy(Session& source, int number);
void make_users(Session& source, const std::string& tenancy, long long users);
/// Gives every user a primary e-mail address that itself is not synced: its sequence id lies below every watermark.
void make_unsynced_channels(Session& source, const std::string& tenancy);
/// Gives all users sequence ids in the order in which they lie, as the sequencer would. `changed`: also other names, so that every row differs.
void number_users(Session& source, bool changed = false);

using Destinations = std::vector<std::pair<std::string, postgres::ConnectOptions>>;  ///< id and where
void set_destinations(Session& source, const std::string& tenancy, const Destinations& destinations);

/// Fusebox: while it is out, nothing is sequenced or claimed. Putting it in tells the service at once.
void enable_sequencer(Session& source, bool enabled);
void enable_poller(Session& source, bool enabled);
void enqueue(Session& source, const std::string& tenancy);

/// Highest sequence id among a tenancy's users.
long long last_sequence_id(Session& source, const std::string& tenancy);
/// What a destination says that it has of the users; -1 while it says nothing.
long long users_watermark(Session& target);

}  // namespace tributary::bench
