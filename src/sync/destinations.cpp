#include "sync/destinations.hpp"

#include "sync/policy.hpp"

namespace tributary::sync {

Destinations::Found Destinations::find(const queue::Claim& claim, const queue::DestinationEntry& entry) {
  const auto tenancy = claim.tenancy.value();
  if (clickhouse_ && entry.id == queue::kSharedClickHouse) {
    return {destination::clickhouse_target::make_destination(
                clickhouse_, {.tenancy = tenancy, .project = claim.project, .branch = claim.branch}),
            {}};
  }
  const auto now = std::chrono::steady_clock::now();
  auto& known = entries_[{tenancy, entry.id}];
  known.last_used = now;
  if (known.destination && known.connection_string == entry.connection_string) return {known.destination, {}};
  known.destination.reset();
  known.answers = false;
  if (entry.type != "postgres") {
    return {nullptr,
            {.kind = destination::FailureKind::refused,
             .sqlstate = "",
             .message = "unknown destination type \"" + entry.type + "\""}};
  }
  try {
    known.destination = destination::postgres_target::make_destination(
        executor_, destination::postgres_target::connect_options(secrets_.open(entry.connection_string), tenancy, params_),
        {.installation = installation_, .tenancy = tenancy}, params_);
  } catch (const SecretError& error) {
    return {nullptr,
            {.kind = destination::FailureKind::refused,
             .sqlstate = "",
             .message = std::string("the connection string cannot be read: ") + error.what()}};
  } catch (const postgres::Error& error) {
    return {nullptr, {.kind = destination::FailureKind::refused, .sqlstate = "", .message = error.what()}};
  }
  known.connection_string = entry.connection_string;
  return {known.destination, {}};
}

bool Destinations::answers(Uuid tenancy, const std::string& destination) const {
  const auto found = entries_.find({tenancy, destination});
  return found != entries_.end() && found->second.answers;
}

void Destinations::note_answer(Uuid tenancy, const std::string& destination, bool answered) {
  const auto found = entries_.find({tenancy, destination});
  if (found != entries_.end()) found->second.answers = answered;
}

std::optional<std::chrono::milliseconds> Destinations::usual(Uuid tenancy, const std::string& destination) const {
  const auto found = entries_.find({tenancy, destination});
  return found == entries_.end() ? std::nullopt : found->second.usual;
}

void Destinations::took(Uuid tenancy, const std::string& destination, std::chrono::milliseconds time) {
  const auto found = entries_.find({tenancy, destination});
  if (found != entries_.end()) found->second.usual = usual_after(found->second.usual, time);
}

void Destinations::close_idle() {
  const auto oldest = std::chrono::steady_clock::now() - params_.idle_timeout;
  std::erase_if(entries_,
                [&](const auto& item) { return item.second.last_used < oldest && item.second.destination.use_count() <= 1; });
}

}  // namespace tributary::sync
