#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "mapping/mapping.hpp"

/// SQL by which a tenancy's rows in the source are compared with those of a destination, in the databases themselves. Pure, as sql.hpp.
///
/// Rows are ordered by their target key: uuids and numbers as such, text by its bytes. A row's digest is one of its canonical text, which is the same in every
/// version of either database: each value in the form that it travels in, text with its length before it, so that no two rows share one and NULL is not ''.
/// What a destination kind stores differently (ClickHouse: milliseconds, defaults for NULL) is compared as it is stored there.
///
/// Parameters are text, and of a key one for each of its columns. PostgreSQL: the tenancy first where it is the source's statement; then Interval's keys; then what
/// is said beside the statement. ClickHouse: {project:String}, {branch:String}, {low_0:String} …, {high_0:String} …, and the names said there.
namespace tributary::mapping {

/// Which side a statement is for. The source's rows are made what they are at a destination of the kind.
enum class Side { source, destination };

/// How PostgreSQL digests canonical text. Both sides must do the same.
enum class Digest {
  hash,  ///< by its own hash function, which both sides have and is several times as fast. REQUIRES: databases in UTF8
  md5,  ///< as ClickHouse does it, too
  md5_converted,  ///< the same, for a database in another encoding than UTF8
};

/// Keys from `low` on and before `high`, where there are such bounds.
struct Interval {
  bool has_low = false;
  bool has_high = false;
};

struct CompareOptions {
  Side side = Side::source;
  DestinationKind kind = DestinationKind::postgres;
  Digest digest = Digest::hash;
  Interval interval;
};

/// Run-time parameters of a session that compares, name and value.
std::span<const std::pair<std::string_view, std::string_view>> compare_settings();

/// Keys (text…) of every n-th row of the interval but the first, in order. Then $: n (bigint), and the most rows to look at (bigint).
std::string boundaries_sql(const Mapping& mapping, const CompareOptions& options);
/// (range integer, rows bigint, sum text) of each range between keys that are given in order; range 0 ends before the first of them. A range without
/// rows is left out. The sum is of the digests. Then $…: an array (text[]) of each key column.
std::string checksums_sql(const Mapping& mapping, const CompareOptions& options);
/// (key text…, digest text) of every row of the interval.
std::string digests_sql(const Mapping& mapping, const CompareOptions& options);
/// (place bigint, columns text) of the given keys that are there: for each column eight hexadecimal digits and a comma. Options: no interval.
/// $…: an array (text[]) of each key column; of the source then a watermark (bigint), and a further column:
/// pending boolean, whether a change of that key is yet to be sequenced, or is not yet at a destination that stands at that watermark. There every key has a row;
/// columns is NULL for one that is not there.
std::string column_digests_sql(const Mapping& mapping, const CompareOptions& options);

/// Highest sequence id of tenancy $1 in this mapping, of rows and tombstones; -1: none. One bigint.
std::string last_sequence_id_sql(const Mapping& mapping);
/// (boolean) whether the source still knows what a destination that stands at watermark $2 (bigint) has seen of tenancy $1. A tenancy's ids are committed in their
/// order, so a server that has forgotten one has forgotten all later ones: it knows none from the watermark up to the first jump above it. Those that were
/// given since say nothing. Also false where what it knew has been changed since that jump.
std::string remembers_sql(const Mapping& mapping);

/// Makes rows of given keys due again, whatever they are: UPDATE of the source. $1 tenancy, then an array (text[]) of each key column. Of rows that share a
/// key the newest.
std::string flag_rows_sql(const Mapping& mapping);
/// The same, without waiting for anybody: (bigint) places in the arrays, from 0, of the keys whose row somebody else holds. Those were not flagged.
std::string flag_free_rows_sql(const Mapping& mapping);
/// Tombstones of given keys, as if rows had been deleted. The same parameters.
std::string insert_tombstones_sql(const Mapping& mapping);

/// Deletes old tombstones of one table, at most $4 (bigint) of those up to sequence id $2 (bigint) of tenancy $1 that are older than $3 milliseconds (bigint), and notes
/// that in tributary.collected. Those of keys that a destination of one of these mappings refused are kept. How many: one bigint.
/// REQUIRES: all mappings of the table, at least one.
std::string collect_tombstones_sql(std::span<const Mapping> mappings);

namespace clickhouse {

/// Most keys of checksums_sql().
inline constexpr std::size_t kMostBounds = 1'023;

/// As those of PostgreSQL: {step:Int64}, {most:Int64}.
std::string boundaries_sql(const Mapping& mapping, Interval interval);
/// (range Int64, rows Int64, sum String). {bounds_0:Array(String)} …, at most kMostBounds of each.
std::string checksums_sql(const Mapping& mapping, Interval interval);
std::string digests_sql(const Mapping& mapping, Interval interval);
/// (key String…, columns String) of the given keys that are there. {keys_0:Array(String)} …
std::string column_digests_sql(const Mapping& mapping);

}  // namespace clickhouse
}  // namespace tributary::mapping
