#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "api/context.hpp"
#include "http/schema.hpp"
#include "queue/pause.hpp"

namespace tributary::api {

/// Who is told: an operator, or those of one project, from whom the shared ClickHouse's errors are kept.
enum class Audience { operator_, project };

/// Which of the destinations, by tenancy and id: each of a page is asked. A cursor stays good when its destination is removed.
struct DestinationPage {
  static constexpr std::int64_t kMost = 200;

  std::optional<queue::DestinationName> after;  ///< the one that the page begins behind; nullopt: none
  std::int64_t limit = kMost;  ///< 1 to kMost

  /// nullopt where the text is no "next_cursor" of a status.
  static std::optional<DestinationPage> behind(std::string_view cursor, std::int64_t limit);
};

/// How the synchronisation stands: of one tenancy, or (nullopt, for an operator) of all, with the progress of a page of its destinations. Throws postgres::Error of the source,
/// and http::Error where the project has as many under way as it may. Cancelled, it asks no more databases.
asio::awaitable<boost::json::object> read_status(Context& context, std::optional<directory::Tenancy> tenancy, Audience audience,
                                                 Deadline deadline, DestinationPage page = {});

/// How far the destinations are, or only those with this id where it is not empty; no more than the first page of them. Some of the customers' databases are asked at
/// once, so that one that is down delays the others seldom; those whose turn does not come in time are said not to have been asked. What one that is not reached has is null.
/// Throws postgres::Error of the source.
asio::awaitable<boost::json::array> read_progress(Context& context, std::optional<directory::Tenancy> tenancy, std::string id,
                                                  Audience audience, Deadline deadline);

http::Schema status_schema();

}  // namespace tributary::api
