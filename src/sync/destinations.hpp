#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/secrets.hpp"
#include "destination/clickhouse/destination.hpp"
#include "destination/postgres/destination.hpp"
#include "queue/queue.hpp"

namespace tributary::sync {

namespace asio = boost::asio;

/// The destinations in use on one loop: made at first use, forgotten when idle, made anew when their connection string changed.
/// Whoever holds one keeps it alive. Memory is that of the destinations in use, not of those configured.
class Destinations {
 public:
  /// `clickhouse`: the writer of the shared one; null where it is not written from here.
  /// `secrets`: open connection strings that are sealed.
  Destinations(asio::any_io_executor executor, Uuid installation, destination::postgres_target::Params params, Secrets secrets,
               std::shared_ptr<destination::clickhouse_target::Writer> clickhouse)
      : executor_(std::move(executor)),
        installation_(installation),
        params_(params),
        secrets_(std::move(secrets)),
        clickhouse_(std::move(clickhouse)) {}

  struct Found {
    std::shared_ptr<destination::Destination> destination;
    destination::Failure failure;  ///< where there is none: an unknown type, a connection string that makes no sense
  };
  Found find(const queue::Claim& claim, const queue::DestinationEntry& entry);
  /// It answered when it was last asked where it stands, since it came into use.
  bool answers(Uuid tenancy, const std::string& destination) const;
  void note_answer(Uuid tenancy, const std::string& destination, bool answered);
  /// What a batch takes there; nullopt: none was applied since it came into use.
  std::optional<std::chrono::milliseconds> usual(Uuid tenancy, const std::string& destination) const;
  /// A batch was applied there, and took so long.
  void took(Uuid tenancy, const std::string& destination, std::chrono::milliseconds time);
  /// Forgets those that nobody holds and that were not asked for during the idle time.
  void close_idle();

 private:
  struct Entry {
    std::string connection_string;  ///< as it is stored
    std::shared_ptr<destination::Destination> destination;
    std::chrono::steady_clock::time_point last_used;
    std::optional<std::chrono::milliseconds> usual;
    bool answers = false;
  };
  asio::any_io_executor executor_;
  const Uuid installation_;
  const destination::postgres_target::Params params_;
  const Secrets secrets_;
  const std::shared_ptr<destination::clickhouse_target::Writer> clickhouse_;
  std::map<std::pair<Uuid, std::string>, Entry> entries_;
};

}  // namespace tributary::sync
