#include "destination/clickhouse/destination.hpp"

#include <utility>

#include "clickhouse/error.hpp"
#include "postgres/error.hpp"

namespace tributary::destination::clickhouse_target {
namespace {

Outcome failed(Failure failure) { return {.verdict = Verdict::failed, .failure = std::move(failure)}; }

/// So much is filled while the server works on what it has.
constexpr std::size_t kBlockBytes = std::size_t{1} << 20U;

/// A large batch: its rows go in as blocks of their own, which follow each other in one INSERT. A load that is given up leaves rows behind the watermark,
/// which come again.
class BlockLoad final : public Load {
 public:
  BlockLoad(std::shared_ptr<Writer> writer, Tenant tenant, const mapping::Mapping& mapping, Position position)
      : writer_(std::move(writer)),
        tenant_(std::move(tenant)),
        mapping_(mapping),
        position_(position),
        shape_(writer_->shape_of(mapping)),
        block_(shape_.make_block()) {}

  asio::awaitable<std::optional<Outcome>> write(const postgres::CopyBatch& chunk, Deadline deadline) override {
    for (std::size_t i = 0; i < chunk.rows(); ++i) {
      try {
        shape_.append(block_, parse_change(chunk.row(i)), tenant_);
      } catch (const clickhouse::Error& error) {
        co_return failed({.kind = FailureKind::refused, .sqlstate = "22000", .message = error.what()});
      } catch (const postgres::Error& error) {
        co_return failed({.kind = FailureKind::refused, .sqlstate = "08P01", .message = error.what()});
      }
      if (block_.bytes() < kBlockBytes) continue;
      if (auto failure = co_await pass_on(deadline)) co_return failed(std::move(*failure));
    }
    co_return std::nullopt;
  }

  asio::awaitable<Outcome> commit(std::int64_t through, std::optional<postgres::Timestamp> complete_until, bool /*caught_up*/,
                                  Deadline deadline) override {
    if (auto failure = co_await finish(deadline)) co_return failed(std::move(*failure));
    co_return co_await writer_->move({.tenancy = tenant_.tenancy,
                                      .mapping = &mapping_,
                                      .generation = position_.generation,
                                      .through = through,
                                      .complete_until = complete_until},
                                     deadline);
  }

 private:
  asio::awaitable<std::optional<Failure>> pass_on(Deadline deadline) {
    if (!insertion_) {
      auto begun = writer_->begin_insert(mapping_);
      if (auto* failure = std::get_if<Failure>(&begun)) co_return std::move(*failure);
      insertion_ = std::move(std::get<std::unique_ptr<Insertion>>(begun));
    }
    co_return co_await insertion_->add(block_, deadline);
  }
  asio::awaitable<std::optional<Failure>> finish(Deadline deadline) {
    if (!insertion_) co_return co_await writer_->insert(mapping_, block_, deadline);
    if (auto failure = co_await insertion_->add(block_, deadline)) co_return failure;
    co_return co_await insertion_->finish(deadline);
  }

  const std::shared_ptr<Writer> writer_;
  const Tenant tenant_;
  const mapping::Mapping& mapping_;
  const Position position_;
  const RowShape& shape_;
  clickhouse::Block block_;
  std::unique_ptr<Insertion> insertion_;  ///< null: all is in the block yet
};

class Target final : public Destination {
 public:
  Target(std::shared_ptr<Writer> writer, Tenant tenant) : writer_(std::move(writer)), tenant_(std::move(tenant)) {}

  asio::awaitable<Positions> positions(std::span<const mapping::Mapping* const> mappings, Deadline deadline) override {
    if (!coming_) coming_ = writer_->announce();
    co_return co_await writer_->positions(tenant_.tenancy, mappings, deadline);
  }

  asio::awaitable<Newest> newest(std::span<const mapping::Mapping* const> mappings, std::int64_t bound,
                                 Deadline deadline) override {
    co_return co_await writer_->newest(tenant_, mappings, bound, deadline);
  }

  asio::awaitable<Outcome> apply(std::span<const Batch* const> batches, Deadline deadline) override {
    coming_.reset();
    co_return co_await writer_->write(tenant_, batches, deadline);
  }

  // No row is refused here, so there is none to keep.
  asio::awaitable<Outcome> apply_sparing(const Batch& batch, std::size_t /*most_refused*/, Keep keep,
                                         Deadline deadline) override {
    coming_.reset();
    co_await keep({});
    const Batch* const one[] = {&batch};
    co_return co_await writer_->write(tenant_, one, deadline);
  }

  asio::awaitable<Loading> load(const mapping::Mapping& mapping, Position position, Deadline /*deadline*/) override {
    coming_.reset();
    co_return Loading{.load = std::make_unique<BlockLoad>(writer_, tenant_, mapping, position), .outcome = {}};
  }

  // Nothing there is a tenancy's alone: its tombstones hide its rows, and its id never comes back.
  asio::awaitable<Outcome> disown(Uuid /*tenancy*/, Deadline /*deadline*/) override { co_return Outcome{}; }

  void give_way() override { coming_.reset(); }
  void forget() override {}
  void close() override {}

 private:
  const std::shared_ptr<Writer> writer_;
  const Tenant tenant_;
  std::shared_ptr<void> coming_;  ///< from asking where it stands until there are rows, or none for a while
};

}  // namespace

std::unique_ptr<Destination> make_destination(std::shared_ptr<Writer> writer, Tenant tenant) {
  return std::make_unique<Target>(std::move(writer), std::move(tenant));
}

}  // namespace tributary::destination::clickhouse_target
