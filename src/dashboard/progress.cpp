#include "dashboard/progress.hpp"

#include <boost/json.hpp>
#include <map>

#include "api/backlog.hpp"
#include "verify/watermarks.hpp"

namespace tributary::dashboard {
namespace {

namespace json = boost::json;

/// A destination's part of the progress that the API gives, which asked it.
json::object reached(const json::object& status) {
  const bool is_reached = status.at("reached").as_bool();
  json::array mappings;
  for (const auto& mapping : status.at("mappings").as_array()) {
    mappings.push_back({{"mapping", mapping.at("mapping")},
                        {"max_sequence_id", mapping.at("source_max_sequence_id")},
                        {"watermark", is_reached ? mapping.at("watermark") : json::value()},
                        {"backlog", is_reached ? mapping.at("backlog") : json::value()},
                        {"updated_at_millis", mapping.at("updated_at_millis")}});
  }
  return {
      {"is_reached", is_reached}, {"error", is_reached ? json::value() : status.at("error")}, {"mappings", std::move(mappings)}};
}

using Watermarks = std::optional<std::map<std::string, std::int64_t>>;

json::value or_null(std::optional<std::int64_t> number) { return number ? json::value(*number) : json::value(); }

/// Of one mapping. `watermarks`: nullopt where they are not known.
asio::awaitable<json::object> progress_of(postgres::Connection& source, const mapping::Mapping& mapping, Uuid tenancy,
                                          const Watermarks& watermarks, Deadline deadline) {
  api::Position position{.tenancy = tenancy, .watermark = std::nullopt};
  if (watermarks) {
    const auto found = watermarks->find(mapping.name);
    position.watermark = found == watermarks->end() ? std::int64_t{-1} : found->second;
  }
  const auto backlogs = co_await api::read_backlogs(source, mapping, {position}, deadline);
  const auto& backlog = backlogs.at(position);
  co_return json::object{{"mapping", mapping.name},
                         {"max_sequence_id", or_null(backlog.max_sequence_id)},
                         {"watermark", or_null(position.watermark)},
                         {"backlog", or_null(backlog.changes)},
                         {"updated_at_millis", nullptr}};
}

/// The same of the shared ClickHouse.
asio::awaitable<json::object> ask_clickhouse(const Context& context, postgres::Connection& source, const Entry& entry,
                                             bool to_operator, Deadline deadline) {
  Watermarks watermarks;
  std::string error = "The shared ClickHouse is not running.";
  try {
    if (const auto clickhouse = co_await context.api.clickhouse())
      watermarks = co_await verify::read_clickhouse_watermarks(*clickhouse->administrator, entry.tenancy,
                                                               deadline.capped(context.api.destinations.connect_timeout));
  } catch (const clickhouse::Error& failure) {
    error = to_operator ? failure.what() : "The shared ClickHouse does not answer.";
  }
  json::array mappings;
  for (const auto& mapping : context.api.mappings)
    mappings.push_back(co_await progress_of(source, mapping, entry.tenancy, watermarks, deadline));
  co_return json::object{{"is_reached", watermarks.has_value()},
                         {"error", watermarks ? json::value() : json::value(error)},
                         {"mappings", std::move(mappings)}};
}

}  // namespace

asio::awaitable<json::object> describe_progress(const Context& context, postgres::Connection& source, const Entry& entry,
                                                const json::array& databases, bool to_operator, Deadline deadline) {
  if (entry.is_clickhouse()) co_return co_await ask_clickhouse(context, source, entry, to_operator, deadline);
  for (const auto& one : databases) {
    if (one.at("id").as_string() == entry.destination) co_return reached(one.as_object());
  }
  co_return json::object{{"is_reached", false},
                         {"error", entry.deleted ? "Its project was deleted: nothing but tombstones is left to be sent."
                                                 : "It has been removed meanwhile."},
                         {"mappings", json::array()}};
}

}  // namespace tributary::dashboard
