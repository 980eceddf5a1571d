#pragma once
#include <map>
#include <set>

#include "destination/change.hpp"
#include "destination/postgres/destination.hpp"

/// Inside of the Postgres destination, shared by its files: schema (what is there), apply (a handful of rows), load (many).
namespace tributary::destination::postgres_target {

namespace pg = tributary::postgres;

/// What the engine is told of an error. The one place where a destination's error becomes a Failure.
Failure to_failure(const pg::Error& error);
/// The fence's own error (fence_command): somebody else moved the watermark or raised the generation.
bool is_fenced(const pg::Error& error);

/// Moves the watermarks of these batches, or fails the transaction where one of them is not where the batch was read past.
pg::Command fence_command(std::span<const Batch* const> batches, const Owner& owner);
/// Where it stands once that is committed.
Position position_after(const Batch& batch);

struct MappingState {
  explicit MappingState(const mapping::Mapping& source) : mapping(source), shape(source) {}
  const mapping::Mapping& mapping;
  TargetShape shape;
  std::string delete_arrays;
  std::string upsert_arrays;
  std::optional<Position> position;  ///< cached until something contradicts it
};

/// Creates what is missing, checks the rest, takes ownership, reads positions. In destination/postgres/schema.cpp.
asio::awaitable<Positions> establish(pg::Connection& connection, std::span<const mapping::Mapping* const> mappings,
                                     const Owner& owner, Deadline deadline);

class Target final : public Destination {
 public:
  Target(asio::any_io_executor executor, pg::ConnectOptions options, Owner owner, Params params);

  asio::awaitable<Positions> positions(std::span<const mapping::Mapping* const> mappings, Deadline deadline) override;
  asio::awaitable<Outcome> apply(std::span<const Batch* const> batches, Deadline deadline) override;
  asio::awaitable<Outcome> apply_sparing(const Batch& batch, std::size_t most_refused, Keep keep, Deadline deadline) override;
  asio::awaitable<Loading> load(const mapping::Mapping& mapping, Position position, Deadline deadline) override;
  asio::awaitable<Newest> newest(std::span<const mapping::Mapping* const> mappings, std::int64_t /*bound*/,
                                 Deadline /*deadline*/) override {
    co_return std::vector<std::int64_t>(mappings.size(), -1);
  }
  asio::awaitable<Outcome> disown(Uuid tenancy, Deadline deadline) override;
  void close() override;

  /// A connection whose session is set up: empty search_path, UTC.
  asio::awaitable<pg::PooledConnection> connect(Deadline deadline);
  MappingState& state_of(const mapping::Mapping& mapping);
  const Owner& owner() const { return owner_; }
  /// After success: where the mapping stands now. After any contradiction: forget.
  void remember(const mapping::Mapping& mapping, Position position);
  void give_way() override {}
  void forget() override;
  Outcome failed(const pg::Error& error);

 private:
  pg::Pool pool_;
  const Owner owner_;
  std::map<std::string, MappingState> mappings_;
};

}  // namespace tributary::destination::postgres_target
