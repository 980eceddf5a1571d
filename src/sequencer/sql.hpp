#pragma once
#include <span>
#include <string>
#include <vector>

#include "mapping/mapping.hpp"

/// The sequencer's statements, generated from the mappings. Pure: no I/O. Their plans hold only with Sequencer::session_settings(): index and TID scans under
/// nested loops, whatever the statistics say.
namespace tributary::sequencer {

/// Names of the tables that sequencing_sql() numbers, in the order of its counts; the last is "DeletedRow".
std::vector<std::string> sequenced_tables(std::span<const mapping::Mapping> mappings);

/// SELECT of tenancies that have something to number. $1, $2 uuid[]: first and last id of each range to look at; $3 bigint: at most so many of each.
/// Skips from tenancy to tenancy on the index: costs what there is to find, not what there is.
std::string look_sql(std::span<const mapping::Mapping> mappings);

/// The statement of a sequencing transaction (after tributary.lock_shard): numbers flagged rows, rows that markers name, and tombstones, removes those markers, and
/// enqueues the tenancies. $1 uuid[]: tenancies, $2, $3 uuid: first and last of the shard, $4 text: the shard, $5 bigint: at most so many rows of each
/// tenancy and table.
/// One row: uuid[] tenancies that got ids; bigint enqueued; bigint markers removed; then per table bigint rows, bigint tenancies; bigint[]
/// microseconds since the commits of a few of the rows, NULL where the source has no track_commit_timestamp.
/// `only`: the rows of one table, by its place among sequenced_tables(), and no markers: most of what a small batch costs is the size of its statement.
std::string sequencing_sql(std::span<const mapping::Mapping> mappings, std::optional<std::size_t> only = std::nullopt);

/// Waits for a few rows of tenancies $1 that others hold locked ($2 to $4 as above). To be run between lock_shard and the statement above, under a
/// lock_timeout.
std::string waiting_sql(std::span<const mapping::Mapping> mappings);

}  // namespace tributary::sequencer
